package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// firstLook and lastLook are the shortest and the longest time between two looks at a record that is waited for.
	firstLook = 10 * time.Millisecond
	lastLook  = 500 * time.Millisecond
	// answerShare of a call's time is kept for the answer.
	answerShare = 10
)

// wait looks until what is looked for is there, and says whether it came to that in the call's time.
func wait(ctx context.Context, look func(context.Context) (done bool, err error)) (bool, error) {
	until, cancel := soonEnough(ctx)
	defer cancel()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		if done, err := look(ctx); done || err != nil {
			return done, err
		}
		select {
		case <-until.Done():
			return false, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// soonEnough ends before the call does, so that there is time for the answer.
func soonEnough(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/answerShare))
	}
	return context.WithCancel(ctx)
}

// get reads one record.
func (s *service) get(ctx context.Context, in interface {
	asItWas
	GetMinRevision() int64
	GetMaxAge() *durationpb.Duration
}) (proto.Message, error) {
	if asksForPast(in) {
		return s.getPast(ctx, in)
	}
	var r *store.Record
	reached, err := wait(ctx, func(ctx context.Context) (bool, error) {
		var err error
		r, err = s.own(ctx, store.RecordID(in.GetId()))
		// The record that another was merged into counts its own revisions, and has what was written there.
		return err == nil && (r.Revision >= store.Revision(in.GetMinRevision()) || string(r.ID) != in.GetId()), err
	})
	switch {
	case err != nil:
		return nil, err
	case !reached:
		return nil, deadline(fmt.Sprintf("the record came to revision %d in the call's time, not to %d", r.Revision, in.GetMinRevision()))
	}
	if in.GetMaxAge() != nil {
		return s.fresh(ctx, store.RecordID(in.GetId()), in.GetMaxAge().AsDuration())
	}
	return s.record.of(r), nil
}

// await waits until targets have agreed, or cannot.
func (s *service) await(ctx context.Context, in interface {
	GetId() string
	GetRevision() int64
	GetTargets() []string
}) (proto.Message, error) {
	for _, target := range in.GetTargets() {
		if !s.connections[target] {
			return nil, connectionNotFound(target)
		}
	}
	since := store.Revision(in.GetRevision())
	out := &hubv1.AwaitResponse{}
	_, err := wait(ctx, func(ctx context.Context) (bool, error) {
		e, err := s.explainer(ctx, store.RecordID(in.GetId()))
		if err != nil {
			return false, err
		}
		r := e.bundle.Record
		if since == 0 {
			since = r.Revision
		}
		behind := r.Revision < since && string(r.ID) == in.GetId()
		out.Reset()
		out.Revision, out.Agreed = int64(r.Revision), !behind
		settled := !behind
		for _, target := range e.awaited(in.GetTargets()) {
			one := e.agreement(target, since)
			if behind {
				one = agreement{TargetAgreement: &hubv1.TargetAgreement{Connection: target, Reason: "the record has not come to the revision yet"}}
			}
			out.Targets = append(out.Targets, one.TargetAgreement)
			out.Agreed = out.Agreed && one.GetAgreed()
			settled = settled && (one.GetAgreed() || one.final)
		}
		return settled, nil
	})
	return out, err
}

// awaited are the targets that are asked for, or all.
func (e *explainer) awaited(asked []string) []string {
	if e.rules == nil || len(asked) > 0 {
		return asked
	}
	var all []string
	for _, target := range e.rules.Targets() {
		all = append(all, target.Connection)
	}
	return all
}

// agreement is what a target has come to.
type agreement struct {
	*hubv1.TargetAgreement
	// final says that nothing under way will change it.
	final bool
}

// agreement tells whether a target has agreed to a revision, or to a later one.
func (e *explainer) agreement(connection string, since store.Revision) agreement {
	out := agreement{TargetAgreement: &hubv1.TargetAgreement{Connection: connection}}
	var target *policy.Target
	if e.rules != nil {
		target = e.rules.Target(connection)
	}
	if target == nil {
		out.Reason, out.final = "the policy brings nothing of this kind there", true
		return out
	}
	if d := e.bundle.Delivery(connection); d != nil && d.State == store.Settled && d.Revision >= since {
		out.Agreed = true // whatever has changed since
	}
	now := e.target(target)
	out.Reason = now.GetReason()
	switch now.GetState() {
	case hubv1.TargetState_TARGET_STATE_AGREES, hubv1.TargetState_TARGET_STATE_NOT_WANTED, hubv1.TargetState_TARGET_STATE_NOT_CREATED:
		out.Agreed = true
	case hubv1.TargetState_TARGET_STATE_DEAD_LETTERED, hubv1.TargetState_TARGET_STATE_NOT_LIVE, hubv1.TargetState_TARGET_STATE_GONE:
		out.final = true
	}
	if missing := withheld(now); len(missing) > 0 {
		out.Agreed, out.final = false, len(now.GetOwedPaths()) == 0
		out.Reason = strings.TrimSuffix(strings.Join(missing, "; ")+"; "+out.Reason, "; ")
	}
	return out
}

// withheld tells what the target does not have and is not going to be brought.
func withheld(t *hubv1.TargetExplanation) []string {
	var all []string
	for _, refused := range t.GetRefused() {
		all = append(all, fmt.Sprintf("it refused %s: %s", refused.GetPath(), refused.GetReason()))
	}
	for _, path := range t.GetContestedPaths() {
		all = append(all, fmt.Sprintf("something there keeps undoing %s", path))
	}
	return slices.Clip(all)
}
