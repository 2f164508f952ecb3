package hubspot

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Archive moves an object to the recycling bin. It is read before: the id of one that was merged away leads to the
// one that lives on, and HubSpot would take that for the one meant.
func (a *account) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	o := adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: a.now().UTC()}
	t, err := a.taskOn("archive", o.Object)
	if err != nil {
		return adapters.Observation{}, err
	}
	is, err := a.get(ctx, t, string(r.ExternalID))
	switch {
	case fault.CategoryOf(err) == fault.Gone:
		return o, nil
	case err != nil:
		return adapters.Observation{}, err
	case string(is.ID) != string(r.ExternalID):
		o.At, o.MergedInto, o.Raw = is.at(), adapters.ExternalID(is.ID), is.raw
		return o, nil
	}
	answer, err := a.call(ctx, t, http.MethodDelete, t.kind.path(string(is.ID)))
	switch {
	case err != nil && fault.CategoryOf(err) != fault.Gone:
		return adapters.Observation{}, err
	case err == nil && answer.Status != http.StatusNoContent: // a page of some proxy
		return adapters.Observation{}, fault.Done(t.odd(answer, "the answer is not HubSpot's"))
	}
	o.At, o.Raw = cursor.Later(answer.Date, is.at()), is.raw // HubSpot's clock has whole seconds here
	return o, nil
}
