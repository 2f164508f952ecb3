package api

import (
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/store"
)

// progressEvery is the least time between two messages of progress.
const progressEvery = 250 * time.Millisecond

// PlanPolicy folds all records by a policy and streams how far it is, then what would change.
func (s *policyService) PlanPolicy(in *hubv1.PlanPolicyRequest, out grpc.ServerStreamingServer[hubv1.PlanPolicyResponse]) error {
	p, err := s.wanted(out.Context(), in)
	if err != nil {
		return err
	}
	progress := &planProgress{out: out}
	report, err := plan.Make(out.Context(), plan.Options{Store: s.o.Store, Policy: p, Connections: s.o.Applier.Connections,
		Samples: int(in.GetSamples()), Progress: progress.tell})
	if errors.Is(err, store.ErrNotFound) {
		return policyNotFound(0)
	}
	if err != nil {
		return err
	}
	return out.Send(&hubv1.PlanPolicyResponse{Message: &hubv1.PlanPolicyResponse_Report{Report: planReport(report, callerOf(out.Context()))}})
}

// planProgress sends how far a plan is, now and then. A stream that is broken ends the plan by its context.
type planProgress struct {
	out  grpc.ServerStreamingServer[hubv1.PlanPolicyResponse]
	last time.Time
}

func (p *planProgress) tell(done, total int) {
	now := time.Now()
	if now.Sub(p.last) < progressEvery && done < total {
		return
	}
	p.last = now
	_ = p.out.Send(&hubv1.PlanPolicyResponse{Message: &hubv1.PlanPolicyResponse_Progress{Progress: &hubv1.PlanProgress{Done: int64(done), Total: int64(total)}}})
}

// planReport is a report as the caller may see it: counts of all kinds, values of those that it may read.
func planReport(r *plan.Report, caller *Caller) *hubv1.PlanReport {
	out := &hubv1.PlanReport{PlanDigest: r.Digest, ActiveVersion: r.Active}
	for _, name := range slices.Sorted(maps.Keys(r.Kinds)) {
		k := r.Kinds[name]
		kind := &hubv1.PlannedKind{Kind: string(name), Records: int64(k.Records), Changed: int64(k.Changed), WithoutRules: k.Without, Linked: int64(k.Linked),
			Attributes: map[string]int64{}, Targets: map[string]*hubv1.PlannedTarget{}}
		for path, n := range k.Attributes {
			kind.Attributes[string(path)] = int64(n)
		}
		for connection, t := range k.Targets {
			kind.Targets[connection] = &hubv1.PlannedTarget{Created: int64(t.Created), Updated: int64(t.Updated), Ended: int64(t.Ended)}
		}
		for _, sample := range k.Samples {
			if caller.Reads(name) {
				kind.Samples = append(kind.Samples, &hubv1.PlannedChange{Id: string(sample.ID), Path: string(sample.Path),
					Before: plannedValue(sample.Before, r.Before), After: plannedValue(sample.After, r.After)})
			}
		}
		out.Kinds = append(out.Kinds, kind)
	}
	return out
}

func plannedValue(s plan.Side, file string) *hubv1.PlannedValue {
	out := &hubv1.PlannedValue{Value: s.Value, Source: s.Source}
	if s.Rule != nil {
		out.Rule = decidingRule(s.Rule, file)
	}
	return out
}
