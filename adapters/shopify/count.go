package shopify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Count asks for Shopify's count. Without a limit it would end at 10,000, and say so by its precision; a count that is a
// part is none.
func (s *shop) Count(ctx context.Context, name adapters.Kind) (int, error) {
	op, k := "count "+string(name)+"s", kindOf(name)
	if k == nil {
		return 0, &fault.Error{Category: fault.Permanent, Op: op, Message: "only customers and orders are carried"}
	}
	field := k.many + "Count"
	a, err := s.read(ctx, op, document{Query: fmt.Sprintf("query canonhubCount { %s(limit: null) { count precision } }", field)})
	if err != nil {
		return 0, ofNoObject(err)
	}
	var in struct {
		Count     *int   `json:"count"`
		Precision string `json:"precision"`
	}
	if json.Unmarshal(a.Data[field], &in) != nil || in.Count == nil || *in.Count < 0 {
		return 0, unread(op)
	}
	if in.Precision != "EXACT" {
		return 0, nil
	}
	return *in.Count, nil
}

// ofNoObject judges a failure of a call that asks for no one object: none is gone.
func ofNoObject(err error) error {
	f := *fault.As(err)
	if f.Category == fault.Gone {
		f.Category = fault.Transient
	}
	return &f
}
