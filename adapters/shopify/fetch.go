package shopify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Probe asks for the shop's name.
func (s *shop) Probe(ctx context.Context) error {
	_, err := s.read(ctx, "probe", document{Query: "query canonhubProbe { shop { myshopifyDomain } }"})
	return err
}

// Fetch reads an object. Shopify does not tell what was deleted from what never was, nor what was merged away.
func (s *shop) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	op := "fetch " + string(o.Kind)
	k := kinds[o.Kind]
	if k == nil || !isNumber(string(o.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no id of a kind that is carried"}
	}
	got, err := s.get(ctx, op, k, o.ExternalID)
	if err != nil {
		return adapters.Observation{}, err
	}
	return k.observe(got), nil
}

// one asks for fields of one object.
func (s *shop) one(ctx context.Context, op string, k *kind, id adapters.ExternalID, fields string) (json.RawMessage, error) {
	a, err := s.read(ctx, op, document{
		Query:     fmt.Sprintf("query canonhubFetch($id: ID!) { %s(id: $id) { %s } }", k.one, fields),
		Variables: map[string]any{"id": k.globalID(id)},
	})
	if err != nil {
		return nil, err
	}
	if string(a.Data[k.one]) == "null" {
		return nil, missing(op)
	}
	return a.Data[k.one], nil
}

// get reads one object whole.
func (s *shop) get(ctx context.Context, op string, k *kind, id adapters.ExternalID) (*object, error) {
	raw, err := s.one(ctx, op, k, id, k.whole)
	if err != nil {
		return nil, err
	}
	return s.settled(ctx, op, k, id, raw)
}

// settled is the object with an id, with all its lines.
func (s *shop) settled(ctx context.Context, op string, k *kind, id adapters.ExternalID, raw json.RawMessage) (*object, error) {
	o, err := k.found(op, raw)
	if err != nil {
		return nil, err
	}
	if o == nil || o.number != string(id) {
		return nil, unread(op)
	}
	return o, s.rest(ctx, op, k, o)
}

// found decodes an object; nil for null.
func (k *kind) found(op string, raw json.RawMessage) (*object, error) {
	switch {
	case len(raw) == 0:
		return nil, unread(op)
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	}
	o, err := k.decode(raw)
	if err != nil {
		return nil, &fault.Error{Category: fault.Transient, Op: op, Message: "the answer cannot be used", Err: err}
	}
	return o, nil
}

// maxLines bounds the lines of an order, as the canonical form does.
const maxLines = 10_000

// rest reads the lines that did not fit in the first answer.
func (s *shop) rest(ctx context.Context, op string, k *kind, o *object) error {
	var lines connection
	if k != orders || json.Unmarshal(o.fields["lineItems"], &lines) != nil || !lines.PageInfo.HasNextPage {
		return nil // what cannot be read is told when it is observed
	}
	for lines.PageInfo.HasNextPage && len(lines.Nodes) < maxLines {
		a, err := s.read(ctx, op, document{
			Query: fmt.Sprintf("query canonhubLines($id: ID!, $after: String!) { order(id: $id) { lineItems(first: %d, after: $after) { "+
				"pageInfo { hasNextPage endCursor } nodes { %s } } } }", linesOfOne, lineFields),
			Variables: map[string]any{"id": k.globalID(adapters.ExternalID(o.number)), "after": lines.PageInfo.EndCursor},
		})
		if err != nil {
			return err
		}
		var next struct {
			Lines connection `json:"lineItems"`
		}
		if json.Unmarshal(a.Data[k.one], &next) != nil || next.Lines.PageInfo == lines.PageInfo || len(next.Lines.Nodes) == 0 {
			return &fault.Error{Category: fault.Transient, Op: op, Message: "the order's lines come to no end"}
		}
		lines.Nodes, lines.PageInfo = append(lines.Nodes, next.Lines.Nodes...), next.Lines.PageInfo
	}
	return o.with("lineItems", lines)
}
