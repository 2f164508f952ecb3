package stripe

import (
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

// tolerance is how far a signature's time may be from ours, in either direction; 300 s is what Stripe's own libraries
// allow.
const tolerance = 300 * time.Second

// webhook verifies and splits Stripe's requests.
type webhook struct {
	secrets []adapters.Secret
	now     func() time.Time
}

// Verify checks the Stripe-Signature header.
func (w *webhook) Verify(d adapters.Delivery) (int, error) {
	now := d.ReceivedAt
	if now.IsZero() {
		now = w.now()
	}
	return signature.VerifyStripe(d.Header.Get("Stripe-Signature"), d.Body, w.secrets, now, tolerance)
}

// event is Stripe's envelope: a snapshot event, or the newer thin one, which names its object.
type event struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Type    string          `json:"type"`
	Created json.RawMessage `json:"created"`
	Data    struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
	RelatedObject struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"related_object"`
}

const (
	snapshotEvent = "event"
	thinEvent     = "v2.core.event"
)

// errEvent quotes nothing: the body holds personal data.
var errEvent = errors.New("the body is no event of Stripe's: it needs id, type, and object event or v2.core.event")

// eventID is what an event's id looks like; it becomes a key.
var eventID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

func readEvent(body []byte) (event, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil || !eventID.MatchString(e.ID) || e.Type == "" || e.Object != snapshotEvent && e.Object != thinEvent {
		return event{}, errEvent
	}
	return e, nil
}

// at is the event's time: unix seconds, or RFC 3339 in thin events. Zero where it is missing.
func (e event) at() time.Time {
	var seconds int64
	if json.Unmarshal(e.Created, &seconds) == nil && seconds > 0 {
		return time.Unix(seconds, 0).UTC()
	}
	var text string
	if json.Unmarshal(e.Created, &text) == nil {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// Split finds the one event of a request.
func (w *webhook) Split(d adapters.Delivery) ([]adapters.Event, error) {
	e, err := readEvent(d.Body)
	if err != nil {
		return nil, err
	}
	return []adapters.Event{{Key: e.ID, Type: e.Type, OccurredAt: e.at(), Body: d.Body}}, nil
}
