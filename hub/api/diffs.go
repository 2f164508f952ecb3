package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// diffsToken is where a page of Diffs ended: first come the objects, by their ids, then the records without one.
type diffsToken struct {
	Connection string     `json:"c"`
	Kind       model.Kind `json:"k"`
	Unlinked   bool       `json:"u,omitempty"`
	After      string     `json:"a"`
}

func (t diffsToken) encode() string {
	text, _ := json.Marshal(t) // of texts and a truth: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// diffsFrom is where a request's page begins.
func diffsFrom(in *hubv1.ListDiffsRequest) (diffsToken, error) {
	first := diffsToken{Connection: in.GetConnection(), Kind: model.Kind(in.GetKind())}
	if in.GetPageToken() == "" {
		return first, nil
	}
	var t diffsToken
	plain, err := base64.RawURLEncoding.Strict().DecodeString(in.GetPageToken())
	if err == nil {
		err = json.Unmarshal(plain, &t)
	}
	known := t.Connection == first.Connection && t.Kind == first.Kind && !strings.ContainsRune(t.After, 0)
	if err != nil || !known || t.Unlinked && t.After != "" && !isRecordID(t.Kind, store.RecordID(t.After)) {
		return t, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
			message: "this list did not make the page token, or its connection or kind is another one; begin at the first page"}
	}
	return t, nil
}

// ListDiffs reads a page of what differs at a connection.
func (s *connections) ListDiffs(ctx context.Context, in *hubv1.ListDiffsRequest) (*hubv1.ListDiffsResponse, error) {
	kind := model.Kind(in.GetKind())
	if caller := callerOf(ctx); !caller.Reads(kind) {
		return nil, notAllowed(caller, "read", kind)
	}
	if !s.reader.connections[in.GetConnection()] {
		return nil, connectionNotFound(in.GetConnection())
	}
	from, err := diffsFrom(in)
	if err != nil {
		return nil, err
	}
	active, err := s.policy(ctx)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListDiffsResponse{}
	d := &differ{connections: s, rules: active.Policy.Kind(kind), lane: store.Lane{Connection: from.Connection, Kind: kind}, size: int(in.GetPageSize()), out: out}
	if d.size == 0 {
		d.size = defaultPageSize
	}
	if d.rules == nil || d.rules.Target(from.Connection) == nil {
		return out, nil // the policy brings nothing of the kind there
	}
	next := d.linked
	if from.Unlinked {
		next = d.unlinked
	}
	return out, next(ctx, from)
}

// differ gathers one page.
type differ struct {
	*connections
	rules *policy.Kind
	lane  store.Lane
	size  int
	out   *hubv1.ListDiffsResponse
}

// linked compares objects with their records.
func (d *differ) linked(ctx context.Context, from diffsToken) error {
	page, err := d.store.Linked(ctx, d.lane, from.After, d.size)
	if err != nil {
		return err
	}
	for _, b := range page {
		from.After = b.ExternalID
		if link := b.Primary(d.lane.Connection); link != nil && link.ExternalID == b.ExternalID {
			d.add(b.Bundle, b.ExternalID)
		}
	}
	if len(page) < d.size {
		if !d.rules.Target(d.lane.Connection).Create {
			return nil
		}
		from.Unlinked, from.After = true, ""
	}
	d.out.NextPageToken = from.encode()
	return nil
}

// unlinked finds the records that would be given an object.
func (d *differ) unlinked(ctx context.Context, from diffsToken) error {
	page, last, err := d.store.Unlinked(ctx, d.lane, store.RecordID(from.After), d.size)
	if err != nil {
		return err
	}
	for _, b := range page {
		d.add(b, "")
	}
	if last != "" {
		from.After = string(last)
		d.out.NextPageToken = from.encode()
	}
	return nil
}

// add adds in what a record's object differs from it.
func (d *differ) add(b *store.Bundle, externalID string) {
	res := d.rules.Resolve(apply.Sources(d.rules, b))
	paths := d.applier.Differs(d.rules, res, b, d.rules.Target(d.lane.Connection))
	if len(paths) == 0 {
		return
	}
	diff := &hubv1.Diff{RecordId: string(b.Record.ID), ExternalId: externalID}
	v := b.View(d.lane.Connection, externalID)
	for _, path := range paths {
		held := structpb.NewNullValue()
		if v != nil {
			held = d.rules.Schema.JSON(v.View.State().Held, path)
		}
		diff.Attributes = append(diff.Attributes, &hubv1.AttributeDiff{Path: string(path), Held: held, Value: d.rules.Schema.JSON(res.Message, path)})
	}
	d.out.Diffs = append(d.out.Diffs, diff)
}
