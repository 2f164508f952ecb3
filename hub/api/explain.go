package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

func (s *service) explain(ctx context.Context, in interface{ GetId() string }) (proto.Message, error) {
	e, err := s.explainer(ctx, store.RecordID(in.GetId()))
	if err != nil {
		return nil, err
	}
	return e.all(), nil
}

// explainer reads a record of the service's kind with all that explains it.
func (s *service) explainer(ctx context.Context, id store.RecordID) (*explainer, error) {
	b, err := s.store.Bundle(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && b.Record.Kind != s.kind {
		return nil, recordNotFound(string(id))
	}
	if err != nil {
		return nil, err
	}
	return s.explains(ctx, b)
}

// explanation tells why a record holds what it holds.
func (r *reader) explanation(ctx context.Context, b *store.Bundle) (*hubv1.Explanation, error) {
	e, err := r.explains(ctx, b)
	if err != nil {
		return nil, err
	}
	return e.all(), nil
}

// explains folds a record by the policy in force.
func (r *reader) explains(ctx context.Context, b *store.Bundle) (*explainer, error) {
	active, err := r.active(ctx, b)
	if err != nil {
		return nil, err
	}
	e := &explainer{applier: r.applier, bundle: b, version: active.Version, file: active.Origin.File, rules: active.Policy.Kind(b.Record.Kind)}
	if e.rules == nil {
		return e, nil
	}
	e.resolution = e.rules.Resolve(apply.Sources(e.rules, b))
	e.paused, err = r.paused(ctx)
	return e, err
}

// active is the policy in force as the bundle was read. Another process may have activated it since this one last
// looked.
func (r *reader) active(ctx context.Context, b *store.Bundle) (*apply.Active, error) {
	if active := r.applier.Active(); active != nil && active.Version >= b.ActivePolicy {
		return active, nil
	}
	if err := r.applier.Reload(ctx); err != nil {
		return nil, fmt.Errorf("explain %s: %w", b.Record.ID, err)
	}
	return r.applier.Active(), nil
}

// paused tells why connections are paused, by name.
func (r *reader) paused(ctx context.Context) (map[string]string, error) {
	connections, err := r.store.PausedConnections(ctx)
	reasons := make(map[string]string, len(connections))
	for _, c := range connections {
		reasons[c.Name] = c.PausedReason
	}
	return reasons, err
}

// explainer turns one record's fold into words.
type explainer struct {
	applier *apply.Applier
	bundle  *store.Bundle
	version int64  // of the policy
	file    string // that the rules stand in
	// rules are nil where the configuration has no policy for this kind: nothing is decided, and nothing is owed.
	rules      *policy.Kind
	resolution *policy.Resolution
	paused     map[string]string
}

func (e *explainer) all() *hubv1.Explanation {
	out := &hubv1.Explanation{Id: string(e.bundle.Record.ID), Revision: int64(e.bundle.Record.Revision), PolicyVersion: e.version}
	if e.rules == nil {
		return out
	}
	for i := range e.resolution.Attributes {
		out.Attributes = append(out.Attributes, e.attribute(&e.resolution.Attributes[i]))
	}
	for _, target := range e.rules.Targets() {
		out.Targets = append(out.Targets, e.target(target))
	}
	return out
}

func (e *explainer) attribute(a *policy.Attribute) *hubv1.AttributeExplanation {
	out := &hubv1.AttributeExplanation{
		Path: string(a.Path), Value: e.value(e.resolution.Message, a),
		Rule:          decidingRule(a.Rule, e.file),
		StandIn:       a.StandIn,
		Disputed:      a.Disputed,
		Decision:      humanDecision(a.Decision),
		SinceRevision: e.bundle.Record.Provenance.GetAttributes()[string(a.Path)].GetSinceRevision(),
	}
	for _, r := range e.bundle.Reviews {
		if r.Path == a.Path && r.Reason == store.Held {
			out.ReviewId = r.ID
		}
	}
	if a.Winner != nil {
		out.Winner = e.claim(a, a.Winner)
	}
	for i := range a.Joined {
		out.Joined = append(out.Joined, e.claim(a, &a.Joined[i]))
	}
	for i := range a.Lost {
		out.Lost = append(out.Lost, &hubv1.LostClaim{Claim: e.claim(a, &a.Lost[i].Claim), Reason: lossReasons[a.Lost[i].Reason]})
	}
	return out
}

func humanDecision(d *view.Decision) *hubv1.HumanDecision {
	if d == nil {
		return nil
	}
	return &hubv1.HumanDecision{Side: d.Side, Authority: d.Authority, By: d.By, Time: timestamppb.New(d.Time), Why: d.Why}
}

func decidingRule(r *policy.Rule, file string) *hubv1.DecidingRule {
	out := &hubv1.DecidingRule{Path: r.Path, Mode: string(r.Mode), Sources: r.Sources, Follow: string(r.Follows), Unless: r.Unless, Key: r.Key}
	if r.Line > 0 {
		out.File, out.Line = file, int32(r.Line)
	}
	return out
}

var lossReasons = map[policy.LossReason]hubv1.LossReason{
	policy.NotAuthority:    hubv1.LossReason_LOSS_REASON_NOT_AUTHORITY,
	policy.NotNamed:        hubv1.LossReason_LOSS_REASON_NOT_NAMED,
	policy.LowerPreference: hubv1.LossReason_LOSS_REASON_LOWER_PREFERENCE,
	policy.Older:           hubv1.LossReason_LOSS_REASON_OLDER,
	policy.Empty:           hubv1.LossReason_LOSS_REASON_EMPTY,
	policy.Filtered:        hubv1.LossReason_LOSS_REASON_FILTERED,
	policy.Newer:           hubv1.LossReason_LOSS_REASON_NEWER,
	policy.Minority:        hubv1.LossReason_LOSS_REASON_MINORITY,
	policy.NotFollowed:     hubv1.LossReason_LOSS_REASON_NOT_FOLLOWED,
	policy.Silent:          hubv1.LossReason_LOSS_REASON_SILENT,
	policy.Outdated:        hubv1.LossReason_LOSS_REASON_OUTDATED,
	policy.Overruled:       hubv1.LossReason_LOSS_REASON_OVERRULED,
	policy.Disagreed:       hubv1.LossReason_LOSS_REASON_DISAGREED,
}

func (e *explainer) claim(a *policy.Attribute, c *policy.Claim) *hubv1.Claim {
	out := &hubv1.Claim{Source: c.Source.Name, ExternalId: c.Source.ExternalID, Value: e.value(c.Source.State.Said, a), Version: c.Stamp.Version}
	if !c.Stamp.Time.IsZero() {
		out.Time = timestamppb.New(c.Stamp.Time)
	}
	return out
}

// value is what a message has for a decided unit: the attribute's value, or an object of a group's parts.
func (e *explainer) value(m proto.Message, a *policy.Attribute) *structpb.Value {
	if len(a.Leaves) == 1 && a.Leaves[0] == a.Path {
		return e.rules.Schema.JSON(m, a.Path)
	}
	parts := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for _, leaf := range a.Leaves {
		if !e.rules.Schema.Empty(m, leaf) {
			parts.Fields[e.rules.Schema.JSONName(leaf)] = e.rules.Schema.JSON(m, leaf)
		}
	}
	if len(parts.Fields) == 0 {
		return structpb.NewNullValue()
	}
	return structpb.NewStructValue(parts)
}

func (e *explainer) target(t *policy.Target) *hubv1.TargetExplanation {
	out := &hubv1.TargetExplanation{Connection: t.Connection}
	link := e.bundle.Primary(t.Connection)
	if link != nil {
		out.ExternalId = link.ExternalID
		if v := e.bundle.View(t.Connection, link.ExternalID); v != nil {
			out.Refused, out.ContestedPaths = e.refused(v.View), e.contested(v.View)
		}
	}
	for _, path := range e.applier.Differs(e.rules, e.resolution, e.bundle, t) {
		out.OwedPaths = append(out.OwedPaths, string(path))
	}
	out.State, out.Reason = e.state(t, link, len(out.OwedPaths) > 0)
	return out
}

// state tells how far a target agrees, and why nothing moves where nothing does.
func (e *explainer) state(t *policy.Target, link *store.Link, differs bool) (hubv1.TargetState, string) {
	owed := differs || e.bundle.PendingAttempt(t.Connection) != nil || e.applier.ToArchive(e.rules, e.bundle, t) != nil
	delivery := e.bundle.Delivery(t.Connection)
	pausedWhy, paused := e.paused[t.Connection]
	phase := e.rules.Phase(t.Connection)
	switch {
	case phase != policy.Live:
		return hubv1.TargetState_TARGET_STATE_NOT_LIVE, fmt.Sprintf("the connection's phase is %s: nothing is sent there", phase)
	case link != nil && link.Archived:
		return hubv1.TargetState_TARGET_STATE_AGREES, "the object was archived there with the record"
	case link != nil && link.State == store.LinkGone:
		return hubv1.TargetState_TARGET_STATE_GONE, "the object was deleted there"
	case delivery != nil && delivery.State == store.Dead:
		return hubv1.TargetState_TARGET_STATE_DEAD_LETTERED, delivery.Reason
	case delivery != nil && delivery.State == store.Blocked:
		return hubv1.TargetState_TARGET_STATE_BLOCKED, delivery.Reason
	case owed && paused:
		return hubv1.TargetState_TARGET_STATE_BLOCKED, "the connection is paused: " + pausedWhy
	case owed:
		return hubv1.TargetState_TARGET_STATE_OWED, ""
	case link == nil:
		return hubv1.TargetState_TARGET_STATE_NOT_CREATED, e.whyNotCreated(t)
	case !t.Wants(e.resolution):
		return hubv1.TargetState_TARGET_STATE_NOT_WANTED, notWanted
	case !e.bundle.Record.DeletedAt.IsZero():
		return hubv1.TargetState_TARGET_STATE_AGREES, "the record is deleted: nothing more is sent"
	}
	return hubv1.TargetState_TARGET_STATE_AGREES, ""
}

const notWanted = "the policy's condition for this target does not hold for the record"

func (e *explainer) whyNotCreated(t *policy.Target) string {
	switch {
	case e.bundle.Record.Placeholder:
		return "no source has described the record yet"
	case !e.bundle.Record.DeletedAt.IsZero():
		return "the record is deleted"
	case !t.Wants(e.resolution):
		return notWanted
	case !t.Create:
		return "the policy creates nothing there"
	}
	return "the record has nothing that is created there"
}

// refused lists the values that the target would not take and that are still the record's.
func (e *explainer) refused(v *view.View) []*hubv1.RefusedAttribute {
	var out []*hubv1.RefusedAttribute
	for _, path := range slices.Sorted(maps.Keys(v.Refused)) {
		if refusal := v.Refused[path]; e.rules.Schema.Equal(e.resolution.Message, refusal.Message, path) {
			out = append(out, &hubv1.RefusedAttribute{Path: string(path), Reason: refusal.Reason})
		}
	}
	return out
}

// contested lists the attributes that something at the target keeps undoing.
func (e *explainer) contested(v *view.View) []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(v.Contests)) {
		if v.Contested(path, e.resolution.Message) {
			out = append(out, string(path))
		}
	}
	return out
}
