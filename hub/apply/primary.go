package apply

import (
	"cmp"
	"slices"
	"time"

	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// elect sees to it that of the objects that a connection has for a record one is primary: one that is there before one
// that is gone, then the one that was, then one that was linked to this very record, then the one that was linked first.
// Links that change are stored, but for the one that the caller stores itself.
func elect(tx Tx, b *store.Bundle, own *store.Link) {
	speaking := slices.DeleteFunc(slices.Clone(b.Links), func(l *store.Link) bool { return !l.Speaks() })
	slices.SortFunc(speaking, func(x, y *store.Link) int { return cmp.Or(cmp.Compare(x.Connection, y.Connection), before(b, x, y)) })
	for i, link := range speaking {
		primary := i == 0 || speaking[i-1].Connection != link.Connection
		if primary == link.Primary {
			continue
		}
		link.Primary = primary
		if link != own {
			tx.PutLink(link)
		}
	}
}

// Elect is elect for a bundle whose links are all stored.
func Elect(tx Tx, b *store.Bundle) { elect(tx, b, nil) }

func before(b *store.Bundle, x, y *store.Link) int {
	yes := func(x, y bool) int {
		switch {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	}
	return cmp.Or(yes(x.State == store.LinkLive, y.State == store.LinkLive), yes(x.Primary, y.Primary),
		yes(x.BornOn == b.Record.ID, y.BornOn == b.Record.ID), linkedAt(x).Compare(linkedAt(y)), cmp.Compare(x.ExternalID, y.ExternalID))
}

// linkedAt is when an object was linked; one that is new comes last.
func linkedAt(l *store.Link) time.Time {
	if l.LinkedAt.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return l.LinkedAt
}

// lose takes note that a linked object is gone.
func lose(link *store.Link, at time.Time) {
	link.State, link.GoneAt = store.LinkGone, at
	link.Epoch++
}

// deleted does what the policy says of the delete of an object, where it was the connection's last for the record.
func (a *Applier) deleted(rules *policy.Kind, b *store.Bundle, link *store.Link) {
	others := slices.ContainsFunc(b.Links, func(other *store.Link) bool {
		return other.Connection == link.Connection && other.State == store.LinkLive
	})
	if rules == nil || others {
		return
	}
	if effect := rules.DeleteEffect(link.Connection); effect != policy.Ignore {
		b.Record.DeletedAt, b.Record.Archive = a.Now().UTC(), effect == policy.Archive
	}
}
