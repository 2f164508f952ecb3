package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// Decision is what a person says about one attribute, or one group, of one record. Exactly one of Take, Message,
// Authority, Keep and Withdraw says what.
type Decision struct {
	RecordID store.RecordID
	// Path of what the policy decides as one.
	Path model.Path
	// Take is the source whose side is taken, with its object where it has several.
	Take     string
	TakeFrom string
	// Message has a value of the person's own; an attribute without one is to be empty.
	Message proto.Message
	// Authority is the source that decides from now on for this record; policy.Operator pins the value in Message, or else
	// the present one.
	Authority string
	// Keep leaves the value as it is, until a source says something else.
	Keep bool
	// Withdraw ends an earlier decision.
	Withdraw bool
	// By and Why go into the audit.
	By, Why       string
	CorrelationID string
}

// Errors of decisions.
var (
	// ErrNoAttribute: the policy decides over nothing by this path.
	ErrNoAttribute = errors.New("the policy decides over nothing by this path")
	// ErrNoSide: the source says nothing of the attribute.
	ErrNoSide = errors.New("the source says nothing of the attribute")
	// ErrNoDecision: there is no decision to withdraw.
	ErrNoDecision = errors.New("there is no decision to withdraw")
)

// Decide stores a person's decision as a claim of the operator, which has its own place in every later fold: it stands
// while the sources that the rule hears say what they said, or for good where it names who decides. It closes the
// reviews on the attribute.
func (a *Applier) Decide(ctx context.Context, d Decision) (Result, error) {
	var result Result
	err := a.inTx(ctx, func(tx Tx) error {
		b, err := tx.LockBundle(ctx, d.RecordID)
		if err != nil {
			return err
		}
		result, err = a.decide(ctx, tx, b, d)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("decide %s of %s: %w", d.Path, d.RecordID, err)
	}
	return result, nil
}

func (a *Applier) decide(ctx context.Context, tx Tx, b *store.Bundle, d Decision) (Result, error) {
	active := a.Active()
	if b.ActivePolicy != active.Version {
		return Result{}, errPolicyMoved
	}
	rules := active.Policy.Kind(b.Record.Kind)
	switch {
	case !b.Record.ErasedAt.IsZero():
		return Result{}, ErrErased
	case rules == nil:
		return Result{}, ErrNoAttribute
	}
	stored := b.View(policy.Operator, "")
	if stored == nil {
		stored = &store.View{RecordID: b.Record.ID, Source: policy.Operator, View: view.New(rules.Schema)}
		b.Views = append(b.Views, stored)
	}
	if err := a.say(rules, b, stored.View, d); err != nil {
		return Result{}, err
	}
	if err := tx.PutView(stored); err != nil {
		return Result{}, err
	}
	for _, r := range b.Reviews {
		if r.Reason == store.Held && r.Path == d.Path {
			tx.CloseReview(r, store.Closing{Resolution: closing(d), By: d.By, Why: d.Why})
		}
	}
	b.Reviews = slices.DeleteFunc(b.Reviews, func(r *store.Review) bool { return r.Reason == store.Held && r.Path == d.Path })
	tx.PutTrail(store.Trail{Action: store.ActionDecided, CorrelationID: d.CorrelationID, RecordID: b.Record.ID, Actor: d.By,
		Detail: fmt.Sprintf("%s: %s: %s", d.Path, d.what(), d.Why)})
	before := b.Record.Revision
	if _, err := a.Fold(ctx, tx, b, Cause{Source: policy.Operator, CorrelationID: d.CorrelationID}); err != nil {
		return Result{}, err
	}
	outcome := Applied
	if b.Record.Revision == before {
		outcome = Duplicate
	}
	return Result{Outcome: outcome, RecordID: b.Record.ID, Revision: b.Record.Revision}, nil
}

// say puts the decision into the operator's view.
func (a *Applier) say(rules *policy.Kind, b *store.Bundle, v *view.View, d Decision) error {
	sources := Sources(rules, b)
	over, leaves := rules.Over(sources, d.Path)
	if leaves == nil {
		return ErrNoAttribute
	}
	if d.Withdraw {
		if _, there := v.Decisions[d.Path]; !there {
			return ErrNoDecision
		}
		delete(v.Decisions, d.Path)
		return nil
	}
	decision := view.Decision{Authority: d.Authority, By: d.By, Why: d.Why, Time: a.Now().UTC()}
	message := b.Record.Message // Keep
	switch {
	case d.Take != "":
		side := slices.IndexFunc(sources, func(s policy.Source) bool {
			return s.Name == d.Take && (d.TakeFrom == "" || s.ExternalID == d.TakeFrom) && spoke(s, leaves)
		})
		if side < 0 {
			return ErrNoSide
		}
		message, decision.Side = sources[side].State.Said, d.Take
	case d.Message != nil:
		message = d.Message
	case d.Keep:
		decision.Side = b.Record.Provenance.GetAttributes()[string(d.Path)].GetSource()
	}
	if d.Authority == "" {
		decision.Over = over
	}
	if d.Authority == "" || d.Authority == policy.Operator {
		own := rules.Schema.New()
		for _, leaf := range leaves {
			rules.Schema.Copy(own, message, leaf)
		}
		v.Observe(view.Observation{Stamp: v.Next(a.Now()), Message: own, Paths: leaves})
	}
	v.Decisions[d.Path] = decision
	return nil
}

func spoke(s policy.Source, leaves []model.Path) bool {
	return slices.ContainsFunc(leaves, s.State.Spoke)
}

// what is the decision in words, without values.
func (d Decision) what() string {
	switch {
	case d.Withdraw:
		return "decision withdrawn"
	case d.Authority == policy.Operator:
		return "value pinned"
	case d.Authority != "":
		return d.Authority + " decides from now on"
	case d.Take != "":
		return "side of " + d.Take + " taken"
	case d.Keep:
		return "kept as it is"
	}
	return "value set"
}

func closing(d Decision) store.Resolution {
	if d.Keep {
		return store.Dismissed
	}
	return store.Resolved
}
