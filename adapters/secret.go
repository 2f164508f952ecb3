package adapters

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Secret is a credential or a signing key. Nothing that prints, logs or marshals it shows it (law 10); Reveal is the
// one way out.
//
// The text stands behind a pointer, since fmt reads unexported fields of other structs without asking Format.
type Secret struct{ value *string }

// NewSecret wraps a secret's text.
func NewSecret(text string) Secret { return Secret{value: &text} }

// Reveal returns the text, for the one place that signs or authenticates with it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero says that there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String tells only whether the secret is set.
func (s Secret) String() string {
	if s.IsZero() {
		return "missing"
	}
	return "set"
}

// Format keeps every verb, %#v among them, from reaching the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue keeps the text out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON keeps the text out of dumps.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
