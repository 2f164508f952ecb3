package limits

import (
	"time"

	"github.com/canonhub/canonhub/adapters"
)

const (
	// plenty is the share of a vendor's limit down to which nothing is slowed.
	plenty = 0.5
	// spare is the share of a limit of hours that is left to live work.
	spare = 0.2
	// long is a window whose rest is worth sparing.
	long = time.Hour
	// aDay is the window of a day's limit.
	aDay = 24 * time.Hour
	// atLeast keeps a connection going where a vendor says that nothing is left, and look where nothing is left for hours:
	// the vendor then says itself when.
	atLeast = 1.0 / 60
	look    = 1.0 / 900
)

// bound is a rate that holds until a time.
type bound struct {
	perSecond float64
	until     time.Time
	// spared is until when what is left is for live work; zero where there is enough for pulls.
	spared time.Time
	// long says that calls may come together, as long as there are not too many in the hours that it counts.
	long bool
}

// hear takes in what an answer told of one of the vendor's limits: what is left is spread over the time that it must
// last.
func (k *keeper) hear(h adapters.Hint) {
	if k.Metrics != nil {
		k.Metrics.left.WithLabelValues(k.connection, h.Limit).Set(h.Remaining)
	}
	if h.Size == 0 && h.Window == aDay {
		h.Size = float64(k.allowed.PerDay) // not told
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if b, binds := boundOf(h, now); binds {
		k.bounds[h.Limit] = b
	} else {
		delete(k.bounds, h.Limit)
	}
	k.tune(now)
}

// boundOf is what a hint binds to. Where nobody says when a day begins anew it is taken for the last 24 hours, of which a
// little comes back all the time: that is right for a rolling window, and spends too little for a day of the calendar. Taking
// it to end at some midnight would spend all before, and leave nothing for up to a day where it ends at another.
func boundOf(h adapters.Hint, now time.Time) (b bound, binds bool) {
	if h.Size > 0 && h.Remaining >= plenty*h.Size {
		return bound{}, false
	}
	scarce := h.Remaining < spare*h.Size
	switch {
	case h.Reset > 0: // a count that begins anew
		b = bound{perSecond: h.Remaining / h.Reset.Seconds(), until: now.Add(h.Reset), long: h.Reset > long}
		if b.long && scarce {
			b.spared = b.until
		}
	case h.Window > 0 && h.Size > 0: // a bucket that refills: no more than flows in until it is half full again
		refill := h.Size / h.Window.Seconds()
		full := func(share float64) time.Time {
			return now.Add(time.Duration((share*h.Size - h.Remaining) / refill * float64(time.Second)))
		}
		b = bound{perSecond: refill * h.Remaining / (plenty * h.Size), until: full(plenty), long: h.Window > long}
		switch {
		case !b.long:
			b.perSecond = max(b.perSecond, 0.1*refill)
		case scarce:
			b.spared = full(spare)
		}
	default:
		return bound{}, false
	}
	least := atLeast
	if b.long {
		least = look
	}
	b.perSecond = max(b.perSecond, least)
	return b, true
}

// day is the bound of what is left of a day's calls, by our own count.
func day(now time.Time, left, size int) bound {
	midnight := now.UTC().Truncate(aDay).Add(aDay)
	b, binds := boundOf(adapters.Hint{Size: float64(size), Remaining: float64(max(left, 0)), Reset: midnight.Sub(now)}, now)
	if !binds {
		return bound{} // over already
	}
	return b
}
