package zendesk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/signature"
)

const (
	// tolerance is how far a request's time may be from ours, in either direction. Zendesk states none.
	tolerance = 5 * time.Minute
	// triggered is our name for what a trigger or an automation sends.
	triggered = "trigger"

	signatureHeader = "X-Zendesk-Webhook-Signature"
	timestampHeader = "X-Zendesk-Webhook-Signature-Timestamp"
)

// webhook verifies and splits Zendesk's requests, each of which is one event.
type webhook struct {
	secrets []adapters.Secret
	now     func() time.Time
}

// Verify checks Zendesk's signature.
func (w *webhook) Verify(d adapters.Delivery) (int, error) {
	now := d.ReceivedAt
	if now.IsZero() {
		now = w.now()
	}
	return signature.VerifyZendesk(signature.ZendeskRequest{
		Body: d.Body, Timestamp: d.Header.Get(timestampHeader), Signature: d.Header.Get(signatureHeader),
	}, w.secrets, now, tolerance)
}

// envelope is what surrounds an event. An event of a trigger has the body that an administrator wrote: of that, the
// ticket's id is asked for and nothing else.
type envelope struct {
	ID        json.RawMessage            `json:"id"`
	Type      json.RawMessage            `json:"type"`
	AccountID json.RawMessage            `json:"account_id"`
	Time      json.RawMessage            `json:"time"`
	Subject   json.RawMessage            `json:"subject"`
	Detail    map[string]json.RawMessage `json:"detail"`
	Event     json.RawMessage            `json:"event"`
	TicketID  json.RawMessage            `json:"ticket_id"`
}

var (
	errBody = errors.New("the body is no event: neither type and id, nor the ticket_id of a trigger")
	// eventID is what an id may look like to become a key.
	eventID = regexp.MustCompile(`^[!-~]{1,200}$`)
)

// Split gives the one event. Errors quote nothing: values are personal data.
func (w *webhook) Split(d adapters.Delivery) ([]adapters.Event, error) {
	var in envelope
	if json.Unmarshal(d.Body, &in) != nil {
		return nil, errBody
	}
	e := adapters.Event{Type: mapping.Text(in.Type), Body: bytes.Clone(d.Body)}
	switch id := mapping.Text(in.ID); {
	case subjectOf(e.Type) != "" && eventID.MatchString(id):
		e.Key = id
	case mapping.IsNumber(mapping.Text(in.TicketID)):
		e.Key, e.Type = triggerKey(d), triggered
	default:
		return nil, errBody
	}
	if account := mapping.Text(in.AccountID); mapping.IsNumber(account) {
		e.Account = account
	}
	if at, err := time.Parse(time.RFC3339Nano, mapping.Text(in.Time)); err == nil {
		e.OccurredAt = at.UTC()
	}
	return []adapters.Event{e}, nil
}

// triggerKey tells a trigger's requests apart. Two changes may make the same body: what tells them apart then is the
// request's time, and a repeated request is read twice, which changes nothing.
func triggerKey(d adapters.Delivery) string {
	sum := sha256.Sum256(append([]byte(d.Header.Get(timestampHeader)+"\n"), d.Body...))
	return hex.EncodeToString(sum[:])
}
