// Package cursor keeps what an adapter must know to read the next page in the text of a cursor, since an adapter keeps
// nothing itself.
//
// The usual contents, for a vendor that can sort by time and filter by "at this time or later", are the last time stamp
// seen and the last id seen at that very stamp. Each page asks for what is later, or as late with a higher id: objects
// that are changed, inserted or deleted between pages then shift nothing, and any number of equal stamps comes to an end.
package cursor

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
)

// maxLength bounds a cursor's text; what is kept in it is a few ids and times.
const maxLength = 4096

// Encode writes a state, a struct of exported fields, as text that is printable and safe in a URL.
func Encode(state any) string {
	text, err := json.Marshal(state)
	if err != nil {
		panic("a cursor's state cannot be written: " + err.Error()) // a mistake of the adapter's, not of its input
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// Decode reads a state; the empty text leaves it as it is. A text that Encode did not write for such a state, as one of
// an older version, is a fault of category Gone: the pull begins anew.
func Decode(text string, state any) error {
	if text == "" {
		return nil
	}
	if len(text) > maxLength {
		return unknown()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return unknown()
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(state); err != nil {
		return unknown()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return unknown()
	}
	return nil
}

func unknown() error {
	return &fault.Error{Category: fault.Gone, Op: "pull", Message: "the cursor is not one of this adapter's"}
}

// Later is the later of two times: a watermark never goes back.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
