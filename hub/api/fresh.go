package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// Refresher takes in what an object at a vendor is now.
type Refresher interface {
	Refresh(ctx context.Context, key store.LinkKey, correlationID string) error
}

// refreshTime bounds the asking of one source: it goes on, for whoever reads next, where its caller's time is over.
const refreshTime = 30 * time.Second

// asking has each object asked once at a time, however many wait for it.
type asking struct {
	refresher Refresher
	flights   singleflight.Group
}

// ask waits for what the object is now, as long as ctx lasts.
func (a *asking) ask(ctx context.Context, key store.LinkKey) error {
	if a.refresher == nil {
		return errors.New("this hub asks nobody")
	}
	correlation := correlationOf(ctx)
	flight := a.flights.DoChan(key.Connection+"/"+string(key.Kind)+"/"+key.ExternalID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
		defer cancel()
		return nil, a.refresher.Refresh(ctx, key, correlation)
	})
	select {
	case <-ctx.Done():
		return errors.New("it did not answer in the call's time")
	case result := <-flight:
		return result.Err
	}
}

// heard is a source that decides over a record, and when it was last heard.
type heard struct {
	store.LinkKey
	at  time.Time
	err error
}

// fresh answers with a record of which nothing is older than age, as far as the call's time allows.
func (s *service) fresh(ctx context.Context, id store.RecordID, age time.Duration) (proto.Message, error) {
	e, err := s.explainer(ctx, id)
	if err != nil {
		return nil, err
	}
	until, cancel := soonEnough(ctx)
	defer cancel()
	var asked sync.WaitGroup
	sources := e.deciding()
	since := s.applier.Now().Add(-age)
	for i := range sources {
		if one := &sources[i]; !one.at.After(since) {
			asked.Go(func() { one.err = s.asking.ask(until, one.LinkKey) })
		}
	}
	asked.Wait()
	if e, err = s.explainer(ctx, id); err != nil {
		return nil, err
	}
	m := s.record.of(e.bundle.Record)
	m.ProtoReflect().Set(m.ProtoReflect().Descriptor().Fields().ByName("freshness"), protoreflect.ValueOfMessage(freshness(sources, e.deciding()).ProtoReflect()))
	return m, nil
}

// deciding are the objects that win an attribute of the record, or would by their authority.
func (e *explainer) deciding() []heard {
	if e.rules == nil {
		return nil
	}
	var connections []string
	for _, a := range e.resolution.Attributes {
		if a.Winner != nil {
			connections = append(connections, a.Winner.Source.Name)
		}
		if a.Rule.Mode == policy.Authority {
			connections = append(connections, a.Rule.Sources...)
		}
	}
	slices.Sort(connections)
	var all []heard
	for _, connection := range slices.Compact(connections) {
		link := e.bundle.Primary(connection)
		if link == nil || link.State != store.LinkLive {
			continue
		}
		one := heard{LinkKey: link.LinkKey, at: link.ReadBegan}
		if v := e.bundle.View(connection, link.ExternalID); v != nil {
			if seen := v.View.State().Newest.Seen; seen.After(one.at) {
				one.at = seen
			}
		}
		all = append(all, one)
	}
	return all
}

// freshness words what came of asking: before is what was known of the sources, with why they could not be asked.
func freshness(before, now []heard) *hubv1.Freshness {
	out := &hubv1.Freshness{}
	if len(now) > 0 {
		oldest := slices.MinFunc(now, func(a, b heard) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
		out.VerifyTime = timeOrNone(oldest.at)
	}
	for _, one := range before {
		if one.err != nil {
			out.Stale = append(out.Stale, &hubv1.StaleSource{Connection: one.Connection, ExternalId: one.ExternalID, VerifyTime: timeOrNone(one.at), Reason: one.err.Error()})
		}
	}
	return out
}

func timeOrNone(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
