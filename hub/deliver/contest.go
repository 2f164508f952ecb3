package deliver

import (
	"fmt"
	"slices"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// contest takes out of what is owed the attributes that something at the target keeps undoing: they are left alone from
// here on, and a person is asked. Corrections are counted when they are acknowledged (corrected), since a vendor that is
// down undoes nothing, however often it is called.
func (o *delivery) contest(tx apply.Tx, s *situation) error {
	if s.held == nil {
		return nil
	}
	since := o.d.Applier.Now().Add(-s.target.TugOfWar.Window)
	var lost []model.Path
	for _, path := range s.owed {
		if s.held.State().Undone(s.res.Message, path) && s.held.Corrections(path, since) >= s.target.TugOfWar.Corrections {
			lost = append(lost, path)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, path := range lost {
		s.held.Contest(path, s.res.Message)
		tx.PutReview(store.Review{LinkKey: s.link.LinkKey, Reason: store.TugOfWar, Path: path, RecordIDs: []store.RecordID{s.bundle.Record.ID},
			Detail:        fmt.Sprintf("corrected %d times within %s, and undone each time", s.target.TugOfWar.Corrections, s.target.TugOfWar.Window),
			CorrelationID: o.cause.CorrelationID})
		o.tell(func() {
			o.d.Metrics.tugOfWar(o.args.Connection)
			o.d.Log.Warn("tug of war: something there keeps undoing an attribute, which is left alone until the review is closed",
				"record_id", s.bundle.Record.ID, "connection", o.args.Connection, "external_id", s.link.ExternalID, "path", path,
				"correlation_id", o.cause.CorrelationID)
		})
	}
	s.owed = slices.DeleteFunc(s.owed, func(path model.Path) bool { return slices.Contains(lost, path) })
	return o.putView(tx, s.bundle, s.link)
}

// corrected counts the attributes that an acknowledged push brought back to what the target had agreed to. It is asked
// before the view takes the delivery.
func (o *delivery) corrected(stored *store.View, attempt *store.Attempt) {
	rules := o.d.Applier.Active().Policy.Kind(attempt.Kind)
	if rules == nil || rules.Target(o.args.Connection) == nil {
		return
	}
	now := o.d.Applier.Now().UTC()
	since := now.Add(-rules.Target(o.args.Connection).TugOfWar.Window)
	for _, path := range attempt.Paths {
		if stored.View.State().Undone(attempt.Sent, path) {
			stored.View.Correct(path, now, since)
		}
	}
}
