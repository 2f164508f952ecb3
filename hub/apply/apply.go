// Package apply brings observations into records: it finds or makes the link, merges the observation into the view,
// folds the views by the policy, and stores what follows (revision, change, provenance, audit, deliveries and their
// jobs) in one transaction. Whatever changes a record goes this way (law 5).
//
// Locks are taken in one order: match keys, links, records by id. Whoever finds under way that it needs a second record
// begins anew and locks both at once; whoever finds that what it waited for was merged meanwhile begins anew, too. A
// record's links and views change under its lock alone.
package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// Queue takes the jobs that follow from a change.
type Queue interface {
	Deliver(context.Context, jobs.Tx, []jobs.DeliverArgs) error
	Rehear(context.Context, jobs.Tx, []*store.Receipt) error
	Erase(context.Context, jobs.Tx, store.RecordID) error
}

// Active is the policy in force.
type Active struct {
	Version int64
	Policy  *policy.Policy
	// Origin is where its rules stand.
	Origin store.PolicyOrigin
}

// Applier applies observations.
type Applier struct {
	Store       Facts
	Queue       Queue
	Connections connection.Set
	// NewID makes a record's id.
	NewID func(model.Kind) (store.RecordID, error)
	Now   func() time.Time
	Log   *slog.Logger

	active atomic.Pointer[Active]
}

// Use sets the policy in force.
func (a *Applier) Use(active *Active) { a.active.Store(active) }

// Active is the policy in force.
func (a *Applier) Active() *Active { return a.active.Load() }

// errPolicyMoved says that another process has activated a policy since this one last looked: two processes never fold
// by different ones.
var errPolicyMoved = errors.New("another version of the policy is active")

// Reload takes the active policy from the store. It is compiled where it is another than before.
func (a *Applier) Reload(ctx context.Context) error {
	stored, err := a.Store.ActivePolicy(ctx)
	if err != nil {
		return err
	}
	if now := a.Active(); now != nil && now.Version == stored.Version && now.Origin.File == stored.File && maps.Equal(now.Origin.Lines, stored.Lines) {
		return nil
	}
	compiled, err := Compile(stored)
	if err != nil {
		return err
	}
	a.Use(&Active{Version: stored.Version, Policy: compiled, Origin: stored.PolicyOrigin})
	return nil
}

// Compile makes a stored policy fit to fold by.
func Compile(stored *store.Policy) (*policy.Policy, error) {
	phases := make(map[string]policy.Phase, len(stored.Phases))
	for name, phase := range stored.Phases {
		phases[name] = policy.Phase(phase)
	}
	compiled, problems := policy.Compile(stored.Config, phases)
	if len(problems) > 0 {
		return nil, fmt.Errorf("policy %d is not for this binary: %s: %s", stored.Version, strings.Join(problems[0].At, "."), problems[0].Message)
	}
	compiled.Locate(stored.Lines)
	return compiled, nil
}

// inTx runs fn in a transaction, once more under the policy that is active by then where it has moved.
func (a *Applier) inTx(ctx context.Context, fn func(Tx) error) error {
	for range 3 {
		err := a.Store.InTx(ctx, fn)
		if !errors.Is(err, errPolicyMoved) {
			return err
		}
		if err := a.Reload(ctx); err != nil {
			return err
		}
	}
	return errPolicyMoved
}

// Cause is why something is applied; it goes into changes, deliveries and the audit.
type Cause struct {
	// Source whose word it is.
	Source        string
	ReceiptID     string
	CorrelationID string
	TraceParent   string
	// Behind says that what follows is done behind what is live.
	Behind bool
}

// Input is one observation of a connection.
type Input struct {
	Cause
	Observation    adapters.Observation
	MappingVersion int32
	// SeenAt is when the hub first heard of it, by its own clock; zero means now.
	SeenAt time.Time
	// Read says that the observation was fetched, beginning at Epoch.
	Read  bool
	Epoch store.Epoch
	// Finish ends the cause's receipt in the same transaction.
	Finish bool
}

// Outcome tells what became of an observation.
type Outcome string

// The outcomes beside those of a view.
const (
	Applied   = Outcome(view.Applied)
	Duplicate = Outcome(view.Duplicate)
	Stale     = Outcome(view.Stale)
	// Ambiguous: it cannot be ordered; fetch the object and apply that.
	Ambiguous = Outcome(view.Ambiguous)
	// Overtaken: something was pushed or read since this read began; fetch again.
	Overtaken Outcome = "overtaken"
	// Waiting: a push to this object has an unknown outcome; apply again when it is settled.
	Waiting Outcome = "waiting"
	// Orphaned: it matches no record, and its source may not create one; it is tried again when a record matches.
	Orphaned Outcome = "orphaned"
	// Reviewed: it matches several records; a person decides.
	Reviewed Outcome = "reviewed"
	// Gone: the object is gone at its source.
	Gone Outcome = "gone"
	// Erased: what was known of it was erased, and nothing more is taken in.
	Erased Outcome = "erased"
	// Unmanaged: the configuration has no policy for this kind.
	Unmanaged Outcome = "unmanaged"
)

// Final says that nothing more is to be done about the observation itself.
func (o Outcome) Final() bool { return o != Ambiguous && o != Overtaken && o != Waiting }

// Result is what Apply did.
type Result struct {
	Outcome  Outcome
	RecordID store.RecordID
	Revision store.Revision
	// Changed are the attributes of the record that changed.
	Changed []model.Path
}

// Apply takes one observation of a connection into its record.
func (a *Applier) Apply(ctx context.Context, in Input) (Result, error) {
	kind := model.Kind(in.Observation.Kind)
	schema := model.For(kind)
	if in.SeenAt.IsZero() {
		in.SeenAt = a.Now()
	}
	if schema == nil {
		return a.finish(ctx, in, Result{Outcome: Unmanaged}, keyOf(in))
	}
	p := a.prepare(schema, in)
	var result Result
	do := func(tx Tx) (err error) {
		result, err = p.apply(ctx, tx)
		if err == nil && result.Outcome.Final() {
			a.trail(tx, in, result, p.spoken())
		}
		return err
	}
	err := a.inTx(ctx, do)
	var whole *forget
	if errors.As(err, &whole) {
		// The record ends first, and then what said so: dying between the two, the receipt is taken up again.
		_, err = a.Erase(ctx, Erase{RecordID: whole.id, By: in.Source, Why: "its party asked there to be forgotten", CorrelationID: in.CorrelationID})
		if err == nil {
			err = a.inTx(ctx, do)
		}
	}
	if err != nil {
		return Result{}, fmt.Errorf("apply a %s of %s: %w", kind, in.Source, err) // its id may be an e-mail address
	}
	return result, nil
}

// forget stops an application: the record is to be erased, since its party asked for that, and no other source has it.
type forget struct{ id store.RecordID }

// Error says so.
func (f *forget) Error() string { return "record " + string(f.id) + " is to be erased" }

// prepared is an observation, made ready for a transaction.
type prepared struct {
	a        *Applier
	in       *Input
	key      store.LinkKey
	observed cleaned
	refers   []store.LinkKey
	both     []store.RecordID
	// kept is the receipt under which a pulled observation is kept, should that be needed.
	kept *store.Receipt
}

func (a *Applier) prepare(schema *model.Schema, in Input) *prepared {
	p := &prepared{a: a, in: &in, key: keyOf(in)}
	p.observed = clean(schema, in.Source, a.Connections[in.Source].Carries[p.key.Kind], in.Observation)
	p.refers = qualify(schema, p.observed.message, in.Source)
	if in.Observation.MergedInto != "" {
		p.refers = append(p.refers, survivor(&in))
	}
	return p
}

func keyOf(in Input) store.LinkKey {
	return store.LinkKey{Connection: in.Source, Kind: model.Kind(in.Observation.Kind), ExternalID: string(in.Observation.ExternalID)}
}

// spoken are the objects that the observation speaks of.
func (p *prepared) spoken() []store.LinkKey { return append(slices.Clone(p.refers), p.key) }

// apply takes the observation in, in a transaction.
func (p *prepared) apply(ctx context.Context, tx Tx) (Result, error) {
	active := p.a.Active()
	rules := active.Policy.Kind(p.key.Kind)
	if rules == nil {
		return Result{Outcome: Unmanaged}, nil
	}
	one := &application{
		a: p.a, tx: tx, in: p.in, rules: rules, version: active.Version, observed: p.observed,
		key: p.key, keys: matchKeys(rules, p.observed.message), refers: p.refers, both: &p.both, receipt: p.in.ReceiptID,
	}
	if p.kept != nil {
		one.receipt, one.pulled = p.kept.ID, true
	}
	if p.observed.message != nil {
		one.message = proto.Clone(p.observed.message) // references are rewritten; a second run starts afresh
	}
	return one.run(ctx)
}

// finish ends the receipt of an observation that touches no record.
func (a *Applier) finish(ctx context.Context, in Input, result Result, key store.LinkKey) (Result, error) {
	return result, a.Store.InTx(ctx, func(tx Tx) error {
		a.trail(tx, in, result, []store.LinkKey{key})
		return nil
	})
}

// trail notes what became of an observation, and of which objects its receipt speaks.
func (a *Applier) trail(tx Tx, in Input, result Result, spoken []store.LinkKey) {
	if in.ReceiptID != "" {
		tx.PutSpoken(in.ReceiptID, spoken)
		tx.PutTrail(store.Trail{Action: store.ActionTranslated, CorrelationID: in.CorrelationID, Connection: in.Source, ReceiptID: in.ReceiptID})
	}
	tx.PutTrail(store.Trail{Action: store.ActionApplied, CorrelationID: in.CorrelationID, Connection: in.Source,
		RecordID: result.RecordID, ReceiptID: in.ReceiptID, Detail: string(result.Outcome)})
	if in.Finish && in.ReceiptID != "" {
		tx.FinishReceipt(in.ReceiptID, "done", string(result.Outcome))
	}
}
