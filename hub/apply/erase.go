package apply

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// Erase says that nothing is to be left of a record.
type Erase struct {
	RecordID store.RecordID
	// By and Why go into the audit, and stay there.
	By, Why       string
	CorrelationID string
}

// shortestName is the shortest name by which a receipt that nobody can read is taken for one of an erased object.
const shortestName = 4

// Erase removes for good what is held of a record and of all that was merged into it. Its ids stay, and answer with a
// deleted record without attributes; so does that, when and by whom it was erased. Its objects are known by a hash from
// then on: whatever comes of them later is Erased. The vendors' own objects are left as they are.
//
// The record, its views, links, keys, requests and open questions end in this transaction, under the locks that all who
// speak of it take: whoever waits for them finds it erased. What is told of it elsewhere (receipts, pushes, failures) is
// ended by a job that this transaction inserts (law 3). One that was erased before is looked after once more.
func (a *Applier) Erase(ctx context.Context, e Erase) (Result, error) {
	var result Result
	err := a.Store.InTx(ctx, func(tx Tx) error {
		tree, bundles, err := lockTree(ctx, tx, e.RecordID)
		if err != nil {
			return err
		}
		r := bundles[0].Record
		result = Result{Outcome: Duplicate, RecordID: r.ID, Revision: r.Revision}
		if r.ErasedAt.IsZero() {
			a.erase(tx, tree, bundles, e)
			result.Outcome, result.Revision = Applied, r.Revision+1
		}
		return a.Queue.Erase(ctx, tx, r.ID)
	})
	if err != nil {
		return Result{}, fmt.Errorf("erase %s: %w", e.RecordID, err)
	}
	return result, nil
}

// lockTree locks a record with all that was merged into it, and the objects that are linked to them.
func lockTree(ctx context.Context, tx Tx, id store.RecordID) (*store.Tree, []*store.Bundle, error) {
	tree, err := tx.Tree(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	bundles, err := tx.LockRecords(ctx, store.Locks{Kind: kindOf(tree.Records[0]), Objects: tree.Objects, Records: tree.Records})
	if err != nil {
		return nil, nil, err
	}
	locked, err := tx.Tree(ctx, id)
	if err == nil && !(slices.Equal(locked.Records, tree.Records) && slices.Equal(locked.Objects, tree.Objects)) {
		err = store.Moved()
	}
	return tree, bundles, err
}

func (a *Applier) erase(tx Tx, tree *store.Tree, bundles []*store.Bundle, e Erase) {
	r := bundles[0].Record
	schema := model.For(r.Kind)
	tx.Erase(store.Erasure{Tree: tree, By: e.By, Names: namesOf(schema, tree, bundles)})
	tx.PutChange(&store.Change{RecordID: r.ID, Revision: r.Revision + 1, Kind: r.Kind,
		Paths: texts(Changed(schema, r.Message, schema.New())), Source: e.By, CorrelationID: e.CorrelationID})
	for _, id := range tree.Records {
		tx.PutTrail(store.Trail{Action: store.ActionErased, CorrelationID: e.CorrelationID, RecordID: id, Actor: e.By, Detail: e.Why})
	}
}

// namesOf are the ids of the objects, and what tells their party from others: the match keys as the sources wrote them.
func namesOf(schema *model.Schema, tree *store.Tree, bundles []*store.Bundle) []string {
	var names []string
	for _, object := range tree.Objects {
		names = append(names, object.ExternalID)
	}
	for _, b := range bundles {
		for _, key := range b.MatchKeys {
			names = append(names, key.Value)
			if schema.CheckText(key.Attribute) != nil {
				continue // a pair
			}
			for _, v := range b.Views {
				names = append(names, schema.Text(v.View.State().Said, key.Attribute))
			}
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return len(name) < shortestName })
}

// tracesWait is how soon an erasure looks again for what is still needed.
const tracesWait = time.Second

// Traces is the job that ends what an erased record left behind. It is done when nothing is left.
func Traces(db *store.Store) func(context.Context, jobs.EraseArgs, jobs.Run) error {
	return func(ctx context.Context, args jobs.EraseArgs, run jobs.Run) error {
		left, err := db.EraseTraces(ctx, args.RecordID)
		switch {
		case err != nil:
			return err
		case left:
			return jobs.Snooze(tracesWait)
		}
		return db.InTx(ctx, func(tx *store.Tx) error {
			tx.PutTrail(store.Trail{Action: store.ActionErased, RecordID: args.RecordID, Detail: "nothing of it is left"})
			return run.Complete(ctx, tx)
		})
	}
}
