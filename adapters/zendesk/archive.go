package zendesk

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Archive deletes a ticket, which can be taken back for thirty days.
func (a *api) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	op := "archive " + string(r.Kind)
	if r.Kind != ticket || !mapping.IsNumber(string(r.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no ticket's id"}
	}
	answer, err := a.client.Call(ctx, op, httpapi.Request{Method: http.MethodDelete, Path: tickets.path(string(r.ExternalID))}, judging(op, nil))
	switch {
	case err != nil && fault.CategoryOf(err) != fault.Gone:
		return adapters.Observation{}, err
	case err == nil && answer.Status != http.StatusNoContent: // a page of some proxy
		return adapters.Observation{}, &fault.Error{Category: fault.Transient, Op: op, Status: answer.Status, MaybeDone: true, Message: "the answer is not Zendesk's"}
	}
	return adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: answer.Clock()}, nil
}
