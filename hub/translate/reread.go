package translate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// reread fetches an object's state and applies it, again while something overtakes it. Gone is since when an object that
// is not there is gone.
func (t *Translator) reread(ctx context.Context, c *connection.Connection, object adapters.Object, gone time.Time, in apply.Input) (result apply.Result, err error) {
	if c.Adapter.Fetcher == nil {
		return result, &fault.Error{Category: fault.Permanent, Op: "fetch", Message: "the adapter cannot fetch"}
	}
	in.Read, in.MappingVersion = true, c.Adapter.MappingVersion
	for range maxFetches {
		if err := t.Gate.Enter(ctx, c.Name); err != nil {
			return result, err
		}
		if in.Epoch, err = t.Store.Epoch(ctx, keyOf(c.Name, object)); err != nil {
			return result, err
		}
		if in.Epoch.Erased { // nobody is asked for it
			in.Read, in.Observation = false, adapters.Observation{Object: object}
			return t.Applier.Apply(ctx, in)
		}
		in.Observation, err = c.Adapter.Fetcher.Fetch(ctx, object)
		if err != nil && fault.CategoryOf(err) == fault.Gone {
			in.Observation, err = adapters.Observation{Object: object, Gone: true, At: gone}, nil
		}
		if err != nil {
			return result, err
		}
		t.report(c.Name, in.Observation, in.CorrelationID)
		result, err = t.Applier.Apply(ctx, in)
		if err != nil || result.Outcome.Final() || result.Outcome == apply.Waiting {
			return result, err
		}
	}
	return result, nil
}

func keyOf(connection string, object adapters.Object) store.LinkKey {
	return store.LinkKey{Connection: connection, Kind: model.Kind(object.Kind), ExternalID: string(object.ExternalID)}
}

// report tells how many fields and values the adapter does not know: they are kept in the raw object, never fatal. What
// they are may be anybody's words, which are no log's matter; package drift tells what it may.
func (t *Translator) report(connection string, observation adapters.Observation, correlationID string) {
	if len(observation.Unknown) > 0 {
		t.Log.Info("vendor said what the adapter does not know", "connection", connection, "kind", observation.Kind,
			"correlation_id", correlationID, "unknown", len(observation.Unknown))
	}
}

// Refresh takes in what an object is now, where that can be told at once. Its error is for callers to read.
func (t *Translator) Refresh(ctx context.Context, key store.LinkKey, correlationID string) error {
	c := t.Connections[key.Connection]
	if c == nil {
		return fmt.Errorf("connection %s is not configured any more", key.Connection)
	}
	ctx = httpapi.Traced(httpapi.WithTrace(ctx, httpapi.Trace{CorrelationID: correlationID}))
	object := adapters.Object{Kind: adapters.Kind(key.Kind), ExternalID: adapters.ExternalID(key.ExternalID)}
	result, err := t.reread(ctx, c, object, t.Applier.Now(), apply.Input{Cause: apply.Cause{Source: c.Name, CorrelationID: correlationID, TraceParent: httpapi.TraceFrom(ctx).TraceParent}})
	var f *fault.Error
	switch {
	case jobs.IsSnooze(err):
		return fmt.Errorf("the connection is paused, or its vendor has asked for a slower pace: %w", err)
	case errors.As(err, &f):
		if wait := t.Gate.Respond(ctx, c.Name, f); wait != nil && !jobs.IsSnooze(wait) {
			return errors.Join(f, wait)
		}
		return f
	case err != nil:
		return err
	case !result.Outcome.Final():
		return errors.New("a push to the object is under way")
	}
	return nil
}
