package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
)

// enveloped is the answer of a stream as the gateway would give it: each message in an object.
var enveloped = regexp.MustCompile(`"application/json":\s*\{\s*"schema":\s*\{\s*"type":\s*"object",\s*"title":\s*"Stream result of [^"]+",` +
	`\s*"properties":\s*\{\s*"error":\s*(\{[^}]*\}),\s*"result":\s*(\{[^}]*\})\s*\}\s*\}\s*\}`)

// bareLines has streams be what the hub makes of them: a message a line, and an error as the last.
func bareLines(document []byte) ([]byte, error) {
	if !enveloped.Match(document) {
		return nil, errors.New("no answer is a stream: does the generator write them in another way now?")
	}
	document = enveloped.ReplaceAll(document, []byte(`"application/x-ndjson": {"schema": {"anyOf": [$2, {"type": "object", "properties": {"error": $1}}]}}`))
	var out bytes.Buffer
	if err := json.Indent(&out, document, "", "  "); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
