package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// ApplyPulled takes observations that a pull heard of one connection into their records, in one transaction and in the
// order of the objects' ids, with what also puts into it. Results are in the order of the inputs. Those that cannot be
// taken in at once (they match no record, or several, or wait for a push or a fetch) are kept as receipts, and heard as
// events are; what changes nothing leaves no trail.
func (a *Applier) ApplyPulled(ctx context.Context, in []Input, also func(Tx, []Result) error) ([]Result, error) {
	all := make([]*prepared, 0, len(in))
	places := make([]int, 0, len(in)) // of each in the inputs
	results := make([]Result, len(in))
	for i, each := range in {
		schema := model.For(model.Kind(each.Observation.Kind))
		if schema == nil {
			results[i].Outcome = Unmanaged
			continue
		}
		if each.SeenAt.IsZero() {
			each.SeenAt = a.Now()
		}
		kept, err := keep(&each)
		if err != nil {
			return nil, err
		}
		p := a.prepare(schema, each)
		p.kept = kept
		all, places = append(all, p), append(places, i)
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(all[i].key.Kind, all[j].key.Kind), cmp.Compare(all[i].key.ExternalID, all[j].key.ExternalID))
	})
	err := a.inTx(ctx, func(tx Tx) error {
		for _, i := range order {
			result, err := all[i].pulled(ctx, tx)
			if err != nil {
				return err
			}
			results[places[i]] = result
		}
		return also(tx, results)
	})
	if err != nil {
		return nil, fmt.Errorf("apply %d pulled objects: %w", len(in), err)
	}
	return results, nil
}

// pulled applies a pulled observation, and keeps it where more is to be done about it.
func (p *prepared) pulled(ctx context.Context, tx Tx) (Result, error) {
	result, err := p.apply(ctx, tx)
	if err != nil {
		return result, err
	}
	switch result.Outcome {
	case Orphaned, Reviewed:
		tx.KeepReceipt(p.kept, store.Kept{State: "done", Outcome: string(result.Outcome)})
	case Ambiguous, Overtaken, Waiting:
		tx.KeepReceipt(p.kept, store.Kept{State: "pending"})
		if err := p.a.Queue.Rehear(ctx, tx, []*store.Receipt{p.kept}); err != nil {
			return result, err
		}
	case Duplicate, Stale, Unmanaged:
		return result, nil
	default:
		p.a.trail(tx, *p.in, result, nil)
		return result, nil
	}
	tx.PutSpoken(p.kept.ID, p.spoken())
	return result, nil
}
