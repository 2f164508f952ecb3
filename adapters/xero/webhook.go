package xero

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/signature"
)

// maxEvents bounds one request. Xero documents no bound.
const maxEvents = 10_000

// webhook verifies and splits Xero's requests. One without events tries the address out (an intent to receive), and is
// verified and answered as any other.
type webhook struct{ secrets []adapters.Secret }

// Verify checks Xero's signature. There is no time in it.
func (w webhook) Verify(d adapters.Delivery) (int, error) {
	return signature.VerifyXero(d.Header.Get("X-Xero-Signature"), d.Body, w.secrets)
}

// event is one thing that Xero tells of: ids and nothing else.
type event struct {
	ResourceID    json.RawMessage `json:"resourceId"`
	EventDateUTC  json.RawMessage `json:"eventDateUtc"`
	EventType     json.RawMessage `json:"eventType"`
	EventCategory json.RawMessage `json:"eventCategory"`
	TenantID      json.RawMessage `json:"tenantId"`
}

var (
	errBody = errors.New("the body is no delivery of Xero's: it has no events")
	errMany = fmt.Errorf("the body has more than %d events", maxEvents)
)

// Split cuts the list of events. A running number goes with each where the body's numbers fit its events.
func (w webhook) Split(d adapters.Delivery) ([]adapters.Event, error) {
	var in struct {
		Events []json.RawMessage `json:"events"`
		First  json.RawMessage   `json:"firstEventSequence"`
		Last   json.RawMessage   `json:"lastEventSequence"`
	}
	switch err := json.Unmarshal(d.Body, &in); {
	case err != nil || in.Events == nil:
		return nil, errBody
	case len(in.Events) > maxEvents:
		return nil, errMany
	}
	first, last := number(in.First), number(in.Last)
	numbered := first > 0 && last-first+1 == int64(len(in.Events))
	events, none := make([]adapters.Event, 0, len(in.Events)), []int(nil)
	for i, raw := range in.Events {
		var e event
		if json.Unmarshal(raw, &e) != nil || bytes.Equal(raw, []byte("null")) {
			none = append(none, i)
			continue
		}
		one := adapters.Event{Key: e.key(), Type: mapping.Text(e.EventCategory) + "." + mapping.Text(e.EventType), Account: strings.ToLower(mapping.Text(e.TenantID)), Body: bytes.Clone(raw)}
		if at, ok := moment(mapping.Text(e.EventDateUTC)); ok {
			one.OccurredAt = at.UTC()
		}
		if numbered {
			one.Sequence = first + int64(i)
		}
		events = append(events, one)
	}
	if len(none) > 0 {
		return events, fmt.Errorf("%d of the body's %d entries are no events; the first of them is entry %d", len(none), len(in.Events), none[0])
	}
	return events, nil
}

// number is a running number; 0 where there is none that we know the form of. Events are worth more than their numbers.
func number(raw json.RawMessage) int64 {
	n, err := strconv.ParseInt(mapping.Text(raw), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// plainKey is what may become a key as it stands.
var plainKey = regexp.MustCompile(`^[!-~]{5,200}$`)

// key tells events apart: Xero gives them no id, and the body's entropy is another each time.
func (e event) key() string {
	parts := []string{mapping.Text(e.TenantID), mapping.Text(e.EventCategory), mapping.Text(e.ResourceID), mapping.Text(e.EventType), mapping.Text(e.EventDateUTC)}
	if key := strings.Join(parts, "|"); plainKey.MatchString(key) && strings.Count(key, "|") == len(parts)-1 {
		return key
	}
	whole, err := json.Marshal(parts)
	if err != nil {
		panic(err) // texts always marshal
	}
	sum := sha256.Sum256(whole)
	return hex.EncodeToString(sum[:])
}
