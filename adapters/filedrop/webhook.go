package filedrop

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

const (
	// Header has a posted file's signature.
	header = "Canonhub-Signature"
	// postedType begins the type of a posted file's event; its name follows.
	postedType = "file "
	// tolerance is how far the time of a signature may be from ours.
	tolerance = 5 * time.Minute
)

type webhook struct {
	*setup
	secrets []adapters.Secret
	now     func() time.Time
}

// Verify checks the signature over the time, the file's name and the body.
func (w *webhook) Verify(d adapters.Delivery) (int, error) {
	name, err := fileName(d)
	if err != nil {
		return -1, err
	}
	return signature.VerifyFile(d.Header.Get(header), name, d.Body, w.secrets, w.now(), tolerance)
}

// Split makes one event of the file. Changes that are posted again, under whatever name, are the same event. A file that has
// everything may rightly say what one before the last said: it is the same event only as the same request.
func (w *webhook) Split(d adapters.Delivery) ([]adapters.Event, error) {
	name, err := fileName(d)
	if err != nil {
		return nil, err
	}
	owners := w.owners(name)
	switch {
	case len(owners) == 0:
		return nil, refuse("files of no kind have the name %q", name)
	case len(owners) > 1:
		return nil, refuse("files of %ss and of %ss have the name %q", owners[0].kind, owners[1].kind, name)
	case len(d.Body) == 0:
		return nil, refuse("the file %q is empty", name)
	}
	identity := string(owners[0].kind)
	if owners[0].whole {
		identity += d.Header.Get(header) // of time, name and content
	}
	sum := sha256.Sum256(append([]byte(identity+"\n"), d.Body...))
	at := signature.TimeOfFile(d.Header.Get(header))
	if at.IsZero() {
		at = d.ReceivedAt
	}
	return []adapters.Event{{Key: "file-" + hex.EncodeToString(sum[:16]), Type: postedType + name, OccurredAt: at, Body: d.Body}}, nil
}

// refuse tells whoever posts files, by a program of the house, what is wrong with one.
func refuse(format string, args ...any) error {
	return &adapters.Refusal{Reason: fmt.Sprintf(format, args...)}
}

// fileName is what the sender calls the file, as ?file=NAME.
func fileName(d adapters.Delivery) (string, error) {
	query, err := url.ParseQuery(d.Query)
	if err != nil {
		return "", errors.New("the query cannot be read")
	}
	name := query.Get("file")
	bad := func(r rune) bool { return r < ' ' || r == '/' || r == '\\' || r == 0x7f }
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return "", fmt.Errorf("the query names no file: want ?file=NAME, of at most %d bytes", maxName)
	}
	return name, nil
}
