package feed

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/canonhub/canonhub/hub/store"
)

// place is where a follower is.
type place struct {
	// At is the place in the log.
	At store.ChangePosition `json:"p"`
	// Snapshot says that the records as of At are being told, up to After.
	Snapshot bool           `json:"s,omitempty"`
	After    store.RecordID `json:"i,omitempty"`
	// Feed is the log's; nobody else's tokens are taken.
	Feed string `json:"f"`
	// known says that the place is somewhere: else the feed begins now.
	known bool
}

// token is the place for callers: opaque so that nobody builds on its form, and no secret. It holds nothing that they
// were not shown.
func (p place) token() string {
	text, _ := json.Marshal(p) // of texts and numbers: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeToken reads a token. One beyond the log's end is of a log that is no more: the database was restored to what it
// was before.
func decodeToken(text string, log store.ChangeLog) (place, error) {
	if text == "" {
		return place{Feed: log.Feed}, nil
	}
	var p place
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || json.Unmarshal(plain, &p) != nil || p.Feed != log.Feed || p.At < 0 || strings.ContainsRune(string(p.After), 0) {
		return p, ErrToken
	}
	p.known = true
	switch {
	case p.At < log.Begin:
		return p, fmt.Errorf("%w: changes are kept from %d on, and it is at %d", ErrRange, log.Begin, p.At)
	case p.At > log.End:
		return p, fmt.Errorf("%w: it is at %d, and the newest change at %d: the database was restored to an earlier state", ErrRange, p.At, log.End)
	}
	return p, nil
}
