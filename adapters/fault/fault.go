// Package fault is the one error taxonomy of adapters and workers; each category carries the hub's response.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Category says what the hub does about a failure.
type Category string

// The categories.
const (
	// Transient failures (time-outs, broken connections, 5xx) are tried again with backoff.
	Transient Category = "transient"
	// Throttle slows the whole connection in every process, unless it is narrow; it uses up no attempt.
	Throttle Category = "throttle"
	// Permanent failures (validation, most 4xx) become dead letters at once.
	Permanent Category = "permanent"
	// Auth pauses the connection until its credentials work again; its work waits.
	Auth Category = "auth"
	// Gone changes the link's state: the object is not there any more.
	Gone Category = "gone"
	// Conflict means that the object is not what we thought: fetch, observe, resolve again.
	Conflict Category = "conflict"
)

// Error is a failure at a vendor. Its text never holds a secret, a payload or personal data: vendors quote values in
// their messages, so Message is what the adapter took from them with care.
type Error struct {
	Category Category
	// Op is what was being done: "update customer".
	Op string
	// Status is the HTTP status, 0 where there was no answer.
	Status int
	// Code is the vendor's own code, empty where it gave none.
	Code string
	// Message is the reason, in words for an operator.
	Message string
	// RetryAfter is how long the vendor asks us to wait; 0 where it did not say.
	RetryAfter time.Duration
	// Narrow says that a Throttle holds for calls of this sort alone, by the vendor's own word: the work waits, and other calls
	// of the connection go on.
	Narrow bool
	// MaybeDone says that the vendor may have done the work all the same: no answer came, or a 5xx.
	MaybeDone bool
	// Refused names the attributes that the vendor would not take, path to reason. The others may go through without them.
	Refused map[string]string
	// Err is the cause, where there is one.
	Err error
}

// Error tells what failed, how, and why, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(string(e.Category))
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d", e.Status)
		if e.Code != "" {
			b.WriteString(" " + e.Code)
		}
		b.WriteString(")")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for _, path := range slices.Sorted(maps.Keys(e.Refused)) {
		b.WriteString("; " + path + ": " + e.Refused[path])
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// As returns the fault in err's chain, or one of category Transient around an error that carries none, since trying
// again is the one response that loses nothing. Nil stays nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Category: Transient, Err: err}
}

// CategoryOf is the category of err, Transient where it carries none; empty for nil.
func CategoryOf(err error) Category {
	if err == nil {
		return ""
	}
	return As(err).Category
}

// ForStatus is the category of an HTTP status that no vendor's rule covers.
func ForStatus(status int) Category {
	switch {
	case status == 401:
		return Auth
	case status == 404 || status == 410:
		return Gone
	case status == 409 || status == 412:
		return Conflict
	case status == 429:
		return Throttle
	case status == 408 || status == 425 || status >= 500:
		return Transient
	default:
		return Permanent
	}
}

// Refuse adds an attribute that the vendor would not take. The first reason stays.
func (e *Error) Refuse(path, why string) {
	if e.Refused == nil {
		e.Refused = map[string]string{}
	}
	if _, told := e.Refused[path]; !told {
		e.Refused[path] = why
	}
}

// Done marks a failure behind a write that was done. One that names what was refused is not marked: the rest is sent
// again without it. Nil stays nil.
func Done(err error) error {
	if err == nil {
		return nil
	}
	f := *As(err)
	f.MaybeDone = len(f.Refused) == 0
	return &f
}

// Undone marks a failure of a call that changes nothing, whatever became of it. Nil stays nil.
func Undone(err error) error {
	if err == nil {
		return nil
	}
	f := *As(err)
	f.MaybeDone = false
	return &f
}

// OfNoObject judges a failure of a call that names no object by its path: a 404 is then no news of one, but says that
// whatever is at the base URL is not what. The work waits for somebody to see to it. Nil stays nil.
func OfNoObject(err error, what string) error {
	if CategoryOf(err) != Gone {
		return err
	}
	f := *As(err)
	f.Category, f.Message = Transient, "there is no "+what+" at the base URL"
	return &f
}

// word is what a code or a field's name looks like.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// IsWord says that a text in a vendor's error looks like a code or a field's name. Anything else could be a value, which no
// error may quote.
func IsWord(text string) bool { return word.MatchString(text) }
