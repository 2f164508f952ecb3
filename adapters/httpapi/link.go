package httpapi

import (
	"net/http"
	"net/url"
	"strings"
)

// maxLinks bounds the header's length.
const maxLinks = 16 << 10

// Link finds the target of a relation, "next" say, in the Link headers of an answer (RFC 8288); nil where there is
// none. Read from it what the next request needs: where it leads is the vendor's word, and calls go to the base URL.
func Link(h http.Header, relation string) *url.URL {
	text := strings.Join(h.Values("Link"), ",")
	if len(text) > maxLinks {
		return nil
	}
	for text != "" {
		var target string
		var relations []string
		var ok bool
		if target, relations, text, ok = nextLink(text); !ok {
			return nil
		}
		for _, r := range relations {
			if strings.EqualFold(r, relation) {
				if u, err := url.Parse(target); err == nil {
					return u
				}
			}
		}
	}
	return nil
}

// nextLink reads one `<target>; name=value; …` and gives what follows its comma; false where it is malformed.
func nextLink(text string) (target string, relations []string, rest string, ok bool) {
	text = strings.TrimLeft(text, " \t,")
	if text == "" {
		return "", nil, "", true
	}
	if text[0] != '<' {
		return "", nil, "", false
	}
	target, text, ok = strings.Cut(text[1:], ">")
	for ok {
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == ',' {
			return strings.TrimSpace(target), relations, text, true
		}
		if text[0] != ';' {
			return "", nil, "", false
		}
		var name, value string
		name, value, text, ok = parameter(text[1:])
		if strings.EqualFold(name, "rel") && relations == nil { // further ones are ignored (section 3.3)
			relations = strings.Fields(value)
		}
	}
	return "", nil, "", false
}

// parameter reads `name=value` or `name="value"` or `name`.
func parameter(text string) (name, value, rest string, ok bool) {
	text = strings.TrimLeft(text, " \t")
	end := strings.IndexAny(text, "=;,")
	if end < 0 {
		return strings.TrimSpace(text), "", "", true
	}
	name, text = strings.TrimSpace(text[:end]), text[end:]
	if text[0] != '=' {
		return name, "", text, true
	}
	text = strings.TrimLeft(text[1:], " \t")
	if strings.HasPrefix(text, `"`) {
		value, text, ok = quoted(text[1:])
		return name, value, text, ok
	}
	if end = strings.IndexAny(text, ";,"); end < 0 {
		end = len(text)
	}
	return name, strings.TrimSpace(text[:end]), text[end:], true
}

// quoted reads up to the closing quotation mark; a backslash keeps what follows it as it is.
func quoted(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}
