package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	defaultPageSize = 50
	// maxPageBytes ends a page of long records early, so that it stays below what gRPC clients take by default (4 MiB).
	maxPageBytes = 2 << 20
)

type listRequest interface {
	GetPageSize() int32
	GetPageToken() string
	GetFilter() string
	GetOrderBy() string
}

func (s *service) list(ctx context.Context, in listRequest) (proto.Message, error) {
	query, err := s.listQuery(in)
	if err != nil {
		return nil, err
	}
	size := query.Limit
	query.Limit++ // one more tells whether there is a next page
	found, err := s.store.List(ctx, query)
	if err != nil {
		return nil, err
	}
	var (
		records []proto.Message
		bytes   int
		token   string
	)
	for i, r := range found {
		if i == size || bytes > maxPageBytes {
			token = pageToken{Micros: found[i-1].UpdatedAt.UnixMicro(), ID: found[i-1].ID, Of: fingerprint(s.kind, in)}.encode()
			break
		}
		record := s.record.of(r)
		records, bytes = append(records, record), bytes+proto.Size(record)
	}
	return s.page.page(records, token), nil
}

func (s *service) listQuery(in listRequest) (store.ListQuery, error) {
	query := store.ListQuery{Kind: s.kind, Limit: int(in.GetPageSize()), Descending: strings.HasSuffix(in.GetOrderBy(), " desc")}
	if query.Limit == 0 {
		query.Limit = defaultPageSize
	}
	window, err := parseFilter(in.GetFilter())
	if err != nil {
		return query, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_FILTER, message: err.Error(), field: "filter"}
	}
	query.From, query.Until = window.from, window.until
	if in.GetPageToken() == "" {
		return query, nil
	}
	token, ok := decodePageToken(in.GetPageToken())
	if !ok || token.Of != fingerprint(s.kind, in) || !isRecordID(s.kind, token.ID) {
		return query, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
			message: "this list did not make the page token, or its filter or order_by is another one; begin at the first page"}
	}
	query.After = &store.Position{UpdatedAt: time.UnixMicro(token.Micros).UTC(), ID: token.ID}
	return query, nil
}

// pageToken is where a page ended, and the list that it belongs to. It holds nothing that the page did not show; it is
// opaque so that nobody builds on its form, and is no secret.
type pageToken struct {
	Micros int64          `json:"t"`
	ID     store.RecordID `json:"i"`
	Of     string         `json:"l"`
}

func (t pageToken) encode() string {
	text, _ := json.Marshal(t) // of a number and texts: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodePageToken(text string) (pageToken, bool) {
	var t pageToken
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || json.Unmarshal(plain, &t) != nil {
		return t, false
	}
	return t, firstMicro <= t.Micros && t.Micros <= lastMicro
}

// The times that PostgreSQL takes reach further; those that a record can have do not.
var (
	firstMicro = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastMicro  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
)

// fingerprint tells lists apart. The page size is no part of it: it may change from page to page (AIP-158).
func fingerprint(kind model.Kind, in listRequest) string {
	return hashed(fmt.Appendf(nil, "%q %q %t", kind, in.GetFilter(), strings.HasSuffix(in.GetOrderBy(), " desc")))
}

func hashed(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// idSuffix is what follows the kind in a record's id.
var idSuffix = regexp.MustCompile(`^_[0-7][0-9a-hjkmnp-tv-z]{25}$`)

func isRecordID(kind model.Kind, id store.RecordID) bool {
	suffix, ok := strings.CutPrefix(string(id), string(kind))
	return ok && idSuffix.MatchString(suffix)
}
