package salesforce

import (
	"context"
	"encoding/json"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Count asks for the number of live rows alone.
func (a *api) Count(ctx context.Context, name adapters.Kind) (int, error) {
	op, k := "count "+string(name)+"s", a.kinds[name]
	if k == nil {
		return 0, mapping.NotCarried(op)
	}
	asked := query{fields: []string{"COUNT()"}, from: k.sobject}
	r, err := a.read(ctx, op, a.root+live, asked.values(), k)
	if err != nil {
		return 0, ofNoObject(err)
	}
	var in struct {
		Total *int `json:"totalSize"`
	}
	if json.Unmarshal(r.Body, &in) != nil || in.Total == nil || *in.Total < 0 {
		return 0, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no count of Salesforce's"}
	}
	return *in.Total, nil
}
