package hubspot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

const (
	// tolerance is how far a request's time may be from ours, in either direction.
	tolerance = 300 * time.Second
	// maxEvents bounds one request; HubSpot documents fewer than a hundred.
	maxEvents = 1000
)

// webhook verifies and splits HubSpot's requests.
type webhook struct {
	publicURL string
	secrets   []adapters.Secret
	now       func() time.Time
}

// Verify checks version 3 of HubSpot's signatures. The older ones, which may come beside it, have no time and are not
// looked at.
func (w *webhook) Verify(d adapters.Delivery) (int, error) {
	now := d.ReceivedAt
	if now.IsZero() {
		now = w.now()
	}
	return signature.VerifyHubSpotV3(signature.HubSpotRequest{
		Method: d.Method, URL: w.publicURL, Body: d.Body,
		Timestamp: d.Header.Get("X-HubSpot-Request-Timestamp"), Signature: d.Header.Get("X-HubSpot-Signature-v3"),
	}, w.secrets, now, tolerance)
}

var (
	errBody = errors.New("the body is neither an array of events nor an event")
	errMany = fmt.Errorf("the body has more than %d events", maxEvents)
)

// Split cuts the array. A lone object is one event, and an empty array is none. Errors quote nothing: values are
// personal data.
func (w *webhook) Split(d adapters.Delivery) ([]adapters.Event, error) {
	parts, err := cut(d.Body)
	if err != nil {
		return nil, err
	}
	events, none := make([]adapters.Event, 0, len(parts)), []int(nil)
	for i, part := range parts {
		var fields map[string]json.RawMessage
		if json.Unmarshal(part, &fields) != nil || fields == nil {
			none = append(none, i)
			continue
		}
		events = append(events, adapters.Event{Key: key(fields), Type: eventType(fields), OccurredAt: occurredAt(fields), Body: bytes.Clone(part)})
	}
	if len(none) > 0 {
		return events, fmt.Errorf("%d of the body's %d entries are no events; the first of them is entry %d", len(none), len(parts), none[0])
	}
	return events, nil
}

func cut(body []byte) ([]json.RawMessage, error) {
	if body = bytes.TrimSpace(body); bytes.HasPrefix(body, []byte("{")) {
		return []json.RawMessage{body}, nil
	}
	var parts []json.RawMessage
	switch err := json.Unmarshal(body, &parts); {
	case err != nil || parts == nil:
		return nil, errBody
	case len(parts) > maxEvents:
		return nil, errMany
	}
	return parts, nil
}

// identity are the fields that tell events apart: eventId is not promised to be unique, and attemptNumber changes with
// every try. Ids of different object types may coincide.
var identity = []string{
	"portalId", "subscriptionType", "eventType", "objectTypeId", "objectId", "occurredAt", "propertyName", "propertyValue",
	"primaryObjectId", "mergedObjectIds", "newObjectId",
	"associationType", "fromObjectId", "toObjectId", "associationRemoved", "messageId",
}

// identityOfGeneric are those of an association in events of the generic kind. They count where they are, so that the
// keys of all other events are what they always were.
var identityOfGeneric = []string{"fromObjectTypeId", "toObjectTypeId", "associationTypeId", "associationCategory"}

// key is a hash, since it outlives the receipt and values are personal data.
func key(fields map[string]json.RawMessage) string {
	parts := make([]string, len(identity))
	for i, name := range identity {
		parts[i] = string(fields[name])
	}
	for _, name := range identityOfGeneric {
		if raw, there := fields[name]; there {
			parts = append(parts, name, string(raw))
		}
	}
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // texts always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// eventType is the event's type. Some of HubSpot's documents give it another name than its deliveries do.
func eventType(fields map[string]json.RawMessage) string {
	for _, name := range []string{"subscriptionType", "eventType"} {
		var text string
		if json.Unmarshal(fields[name], &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

// endOfTime is where RFC 3339 ends.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()

func occurredAt(fields map[string]json.RawMessage) time.Time {
	var millis int64
	if json.Unmarshal(fields["occurredAt"], &millis) != nil || millis <= 0 || millis > endOfTime {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
