package main

import (
	"bytes"
	"fmt"

	"github.com/canonhub/canonhub/hub/model"
)

// unnamed is what the services' protos, which are alike for all kinds, say of what lists are filtered by.
const unnamed = "the kind's promoted attributes (an error lists them)"

// nameAttributes has each kind's list tell which attributes are promoted.
func nameAttributes(document []byte) ([]byte, error) {
	for _, kind := range model.Kinds() {
		before, list, found := bytes.Cut(document, fmt.Appendf(nil, `"/v1/%ss": {`, kind))
		if !found || !bytes.Contains(list, []byte(unnamed)) {
			return nil, fmt.Errorf("no list of %s says %q", kind, unnamed)
		}
		var names []byte
		for i, p := range model.For(kind).Promoted() {
			if i > 0 {
				names = append(names, ", "...)
			}
			names = fmt.Appendf(names, "`%s`", p.Path)
		}
		path := document[len(before) : len(document)-len(list)]
		document = bytes.Join([][]byte{before, path, bytes.Replace(list, []byte(unnamed), names, 1)}, nil)
	}
	return document, nil
}
