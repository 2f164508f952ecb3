package pull

import (
	"context"
	"fmt"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/store"
)

// begin sees to it that there is a run: the one under way, the one that was asked for, or the one that is due.
func (s *step) begin() {
	if s.pull.Run.Mode != "" {
		return
	}
	s.taken = s.pull.Wanted
	mode := s.due()
	run := store.PullRun{Mode: mode, Last: mode, ID: s.NewID(), Step: s.pull.Run.Step, StartedAt: s.began,
		ReportOnly: s.taken.ReportOnly, LetVanish: s.taken.LetVanish, By: s.taken.By, Why: s.taken.Why}
	if run.Mode == store.Changes {
		run.Cursor = s.pull.ResumeCursor
		if !s.pull.Watermark.IsZero() && s.carriage.Pull.Changes {
			run.Since = s.pull.Watermark.Add(-s.how.Overlap)
		}
	}
	s.pull.Run = run
	s.Log.Info("pull begins", "connection", s.lane.Connection, "kind", s.lane.Kind, "mode", run.Mode, "correlation_id", run.ID, "since", run.Since)
}

// due is the mode of the next run.
func (s *step) due() store.PullMode {
	switch {
	case s.taken.Mode != "":
		return s.taken.Mode
	case s.pull.BackfilledAt.IsZero():
		return store.Backfill
	case !s.carriage.Pull.Once && !s.began.Before(s.reconcileDue(s.pull)):
		return store.Reconcile
	}
	return store.Changes
}

func (s *step) reconcileDue(p *store.Pull) time.Time {
	last := p.ReconciledAt
	if last.Before(p.BackfilledAt) {
		last = p.BackfilledAt
	}
	return last.Add(s.how.Reconcile)
}

// anew has the next run read everything.
func (s *step) anew() {
	s.pull.ResumeCursor, s.pull.Watermark = "", time.Time{}
	step := s.pull.Run.Step
	s.pull.Run = store.PullRun{Mode: store.Backfill, Last: store.Backfill, ID: s.NewID(), Step: step, StartedAt: s.Now(), By: s.pull.Run.By, Why: s.pull.Run.Why}
}

// page reads one page, and applies it with the checkpoint behind it.
func (s *step) page(ctx context.Context) error {
	page, err := s.c.Adapter.Puller.Pull(ctx, s.query())
	if err != nil {
		return err
	}
	if err := s.onward(page.More, page.Next); err != nil {
		return err
	}
	refused, err := s.refresh(ctx, page.Fetch)
	if err != nil {
		return err
	}
	page.Rejected = append(page.Rejected, refused...)
	inputs := make([]apply.Input, len(page.Observations))
	for i, o := range page.Observations {
		inputs[i] = s.input(o)
	}
	return s.apply(ctx, inputs, func(tx *store.Tx, changed int) error {
		apply.Reject(tx, s.cause(), s.parts(page.Rejected))
		return s.checkpoint(ctx, tx, func(p *store.Pull) {
			p.Run.Total = total(p.Run, page.Total)
			p.Run.Objects += int64(len(page.Observations) + len(page.Fetch))
			p.Run.Changed += int64(changed)
			p.Run.Rejected += int64(len(page.Rejected))
			s.turn(p, page)
		})
	})
}

// refresh takes in what objects are now of which a page tells the ids alone. One that cannot be read is rejected: the
// others, and the pages behind this one, do not wait for it.
func (s *step) refresh(ctx context.Context, objects []adapters.Object) (refused []adapters.Rejected, err error) {
	for _, object := range objects {
		err := s.Refresher.Refresh(ctx, s.key(object.ExternalID), s.pull.Run.ID)
		switch {
		case err == nil:
		case fault.CategoryOf(err) == fault.Permanent:
			refused = append(refused, refusedBy(object.ExternalID, err))
		default:
			return nil, err
		}
	}
	return refused, nil
}

func refusedBy(id adapters.ExternalID, err error) adapters.Rejected {
	return adapters.Rejected{Where: "object " + string(id), Reason: err.Error()}
}

// onward sees to it that a page with more behind it leads on: from one that leads to itself, or to the beginning, a run
// would never come to its end.
func (s *step) onward(more bool, next string) error {
	if more && (next == "" || next == s.pull.Run.Cursor) {
		return &fault.Error{Category: fault.Permanent, Op: "pull", Message: "the page has more behind it and does not say where"}
	}
	return nil
}

func (s *step) query() adapters.Query {
	return adapters.Query{Kind: adapters.Kind(s.lane.Kind), Cursor: s.pull.Run.Cursor, Since: s.pull.Run.Since, Size: s.how.PageSize}
}

func (s *step) parts(rejected []adapters.Rejected) []apply.Part {
	parts := make([]apply.Part, len(rejected))
	for i, r := range rejected {
		parts[i] = apply.Part{Rejected: r, Origin: s.lane.Connection + "/" + s.pull.Run.Cursor, Type: "pulled " + string(s.lane.Kind)}
	}
	return parts
}

// turn moves the run behind a page, or to its end.
func (s *step) turn(p *store.Pull, page adapters.Page) {
	if page.More {
		p.Run.Cursor = page.Next
		return
	}
	p.ResumeCursor = page.Next
	switch {
	case !page.Watermark.IsZero():
		p.Watermark = page.Watermark
	case page.Next == "":
		p.Watermark = p.Run.StartedAt
	}
	if p.Run.Mode == store.Backfill {
		p.BackfilledAt = s.began
	}
	p.PulledAt = s.began
	s.end(p)
}

// end ends the run; what it counted stays to be seen.
func (s *step) end(p *store.Pull) {
	p.Run.Mode, p.Run.Cursor, p.Run.Vanishing = "", "", false
	p.NextAt = s.began.Add(s.how.Every)
	if due := s.reconcileDue(p); !s.carriage.Pull.Once && due.Before(p.NextAt) {
		p.NextAt = due
	}
	if p.NextAt.Before(s.began) {
		p.NextAt = s.began
	}
}

// checkpoint writes where the pull stands behind what was done, in its transaction; step.pull follows once that is
// committed.
func (s *step) checkpoint(ctx context.Context, tx *store.Tx, move func(*store.Pull)) error {
	next := *s.pull
	next.Run.PagedAt = s.Now()
	next.Failures, next.Failure, next.FailedAt = 0, "", time.Time{}
	next.NextAt = s.began
	move(&next)
	s.next = &next
	if next.Run.Mode == "" {
		tx.PutTrail(store.Trail{Action: store.ActionPulled, CorrelationID: next.Run.ID, Connection: next.Connection, Actor: next.Run.By,
			Detail: summary(s.pull.Run.Mode, &next)})
	}
	return tx.PutPull(ctx, &next, s.taken)
}

func summary(mode store.PullMode, p *store.Pull) string {
	r := p.Run
	return fmt.Sprintf("%s of %ss: %d objects, %d changed, %d missing here, %d missing there, %d differing, %d rejected",
		mode, p.Kind, r.Objects, r.Changed, r.MissingHere, r.MissingThere, r.Differing, r.Rejected)
}

// committed takes the step that checkpoint wrote.
func (s *step) committed() {
	s.next.Run.Step++
	if s.next.Run.Mode == "" && s.pull.Run.Mode != "" {
		s.Log.Info("pull ended", "connection", s.lane.Connection, "kind", s.lane.Kind, "correlation_id", s.next.Run.ID, "result", summary(s.pull.Run.Mode, s.next))
	}
	s.pull = s.next
}
