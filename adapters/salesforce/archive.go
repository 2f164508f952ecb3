package salesforce

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Archive moves a row to the recycle bin, from which people can take it back for fifteen days.
func (a *api) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	op, k := "archive "+string(r.Kind), a.kinds[r.Kind]
	if k == nil || !k.can(adapters.Archives) || !isWord(string(r.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no row of a kind that is archived"}
	}
	answer, err := a.client.Call(ctx, op, httpapi.Request{Method: http.MethodDelete, Path: a.row(k) + string(r.ExternalID)}, a.judging(op, k, nil))
	if err == nil && answer.Status != http.StatusNoContent {
		return adapters.Observation{}, unread(op, answer) // a page of some proxy
	}
	if f := fault.As(err); err != nil && f.Code == "NOT_FOUND" {
		err = a.isGone(ctx, op, k, string(r.ExternalID)) // else an API that is not there would count as done
	}
	if err != nil && fault.CategoryOf(err) != fault.Gone {
		return adapters.Observation{}, err
	}
	return adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: answer.Clock()}, nil
}

// isGone is nil where a row is in the bin, and a fault of category gone where there is none.
func (a *api) isGone(ctx context.Context, op string, k *kind, id string) error {
	o, err := a.get(ctx, op, k, id)
	if err == nil && !a.observe(k, o).Gone {
		err = &fault.Error{Category: fault.Transient, Op: op, Message: "Salesforce does not find the row, and shows it"}
	}
	return err
}
