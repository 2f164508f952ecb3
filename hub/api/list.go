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
	GetShowTotalSize() bool
}

func (s *service) list(ctx context.Context, in listRequest) (proto.Message, error) {
	query, err := s.listQuery(in)
	if err != nil {
		return nil, err
	}
	found, err := s.store.List(ctx, query)
	if err != nil {
		return nil, err
	}
	var (
		records []proto.Message
		bytes   int
	)
	next := found.Next
	for i, r := range found.Records {
		if bytes > maxPageBytes {
			next = &found.Ends[i-1]
			break
		}
		record := s.record.of(r)
		records, bytes = append(records, record), bytes+proto.Size(record)
	}
	token := ""
	if next != nil {
		token = pageToken{Key: next.Key, ID: next.ID, Of: fingerprint(&query, in.GetFilter())}.encode()
	}
	if !in.GetShowTotalSize() {
		return s.page.page(records, token, nil), nil
	}
	return s.page.page(records, token, &found.Size), nil
}

func (s *service) listQuery(in listRequest) (store.ListQuery, error) {
	query := store.ListQuery{Kind: s.kind, Limit: int(in.GetPageSize()), Count: in.GetShowTotalSize()}
	if query.Limit == 0 {
		query.Limit = defaultPageSize
	}
	var err error
	if query.Where, err = parseFilter(model.For(s.kind), in.GetFilter()); err != nil {
		return query, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_FILTER, message: err.Error(), field: "filter"}
	}
	if query.OrderBy, query.Descending, err = parseOrder(model.For(s.kind), in.GetOrderBy()); err != nil {
		return query, invalidField("order_by", err.Error())
	}
	if in.GetPageToken() == "" {
		return query, nil
	}
	token, ok := decodePageToken(in.GetPageToken())
	if !ok || token.Of != fingerprint(&query, in.GetFilter()) || !isRecordID(s.kind, token.ID) || !isKeyOf(query.OrderBy, token.Key) {
		return query, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
			message: "this list did not make the page token, or its filter or order_by is another one; begin at the first page"}
	}
	query.After = &store.Position{Key: token.Key, ID: token.ID}
	return query, nil
}

// parseOrder reads order_by, of whose form the request's validation has seen to.
func parseOrder(schema *model.Schema, text string) (store.Field, bool, error) {
	name, descending := strings.CutSuffix(strings.TrimSuffix(text, " asc"), " desc")
	switch field := store.Field(strings.TrimSpace(name)); field {
	case "":
		return store.UpdateTime, false, nil
	case store.UpdateTime, store.CreateTime, store.DeleteTime:
		return field, descending, nil
	default:
		p, ok := schema.FindPromoted(model.Path(field))
		if !ok || p.Many {
			return "", false, fmt.Errorf("lists are not ordered by %q; possible are update_time, create_time, delete_time and, of those that have one value, %s",
				field, schema.PromotedNames())
		}
		return field, descending, nil
	}
}

// pageToken is where a page ended, and the list that it belongs to. It holds nothing that the records up to there did not
// show; it is opaque so that nobody builds on its form, and is no secret.
type pageToken struct {
	Key model.Key      `json:"k"`
	ID  store.RecordID `json:"i"`
	Of  string         `json:"l"`
}

func (t pageToken) encode() string {
	text, _ := json.Marshal(t) // of bytes and texts: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodePageToken(text string) (pageToken, bool) {
	var t pageToken
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return t, err == nil && json.Unmarshal(plain, &t) == nil
}

// isKeyOf says that a key can be one of a list in that order: forged times may be out of the database's range.
func isKeyOf(order store.Field, key model.Key) bool {
	switch order {
	case store.UpdateTime, store.CreateTime, store.DeleteTime:
		at, ok := key.Time()
		return ok && 1 <= at.Year() && at.Year() <= 9999
	}
	return len(key) > 0
}

// fingerprint tells lists apart. The page size is no part of it: it may change from page to page (AIP-158).
func fingerprint(q *store.ListQuery, filter string) string {
	return hashed(fmt.Appendf(nil, "%q %q %q %t", q.Kind, filter, q.OrderBy, q.Descending))
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
