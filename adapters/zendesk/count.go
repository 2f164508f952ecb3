package zendesk

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Count asks for Zendesk's own count; for customers, without staff. Of more than 100,000 it is of the day before or, while
// they are counted anew, that very number, of no time: this is none.
func (a *api) Count(ctx context.Context, name adapters.Kind) (int, error) {
	op, k := "count "+string(name)+"s", kinds[name]
	if k == nil {
		return 0, mapping.NotCarried(op)
	}
	query := url.Values{}
	if k == users {
		query.Set("role", "end-user")
	}
	r, err := a.read(ctx, op, root+k.many+"/count", query)
	if err != nil {
		return 0, ofNoObject(err)
	}
	var in struct {
		Count struct {
			Value     *int    `json:"value"`
			Refreshed *string `json:"refreshed_at"`
		} `json:"count"`
	}
	if json.Unmarshal(r.Body, &in) != nil || in.Count.Value == nil || *in.Count.Value < 0 {
		return 0, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no count of Zendesk's"}
	}
	if in.Count.Refreshed == nil {
		return 0, nil
	}
	return *in.Count.Value, nil
}
