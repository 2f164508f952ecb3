package hubspot

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Count asks for the smallest page of a search for everything: a list does not tell how long it is. A search counts
// further than it can be read.
func (a *account) Count(ctx context.Context, name adapters.Kind) (int, error) {
	k := a.kinds.named(name)
	if k == nil {
		return 0, &fault.Error{Category: fault.Permanent, Op: "count", Message: "this kind is not carried"}
	}
	t := task{op: "count " + k.many, kind: k}
	in, err := t.answered(a.send(ctx, t, http.MethodPost, k.base()+"/search", map[string]any{"limit": 1, "properties": []string{idProperty}}))
	return in.Total, err
}
