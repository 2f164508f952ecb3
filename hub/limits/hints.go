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
	// atLeast keeps a connection going where a vendor says that nothing is left: the vendor then says itself when.
	atLeast = 1.0 / 60
)

// bound is a rate that holds until a time.
type bound struct {
	perSecond float64
	until     time.Time
	// scarce says that what is left is for live work.
	scarce bool
}

// hear takes in what an answer told of one of the vendor's limits: what is left is spread over the time that it must
// last.
func (k *keeper) hear(h adapters.Hint) {
	if k.Metrics != nil {
		k.Metrics.left.WithLabelValues(k.connection, h.Limit).Set(h.Remaining)
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

func boundOf(h adapters.Hint, now time.Time) (b bound, binds bool) {
	if h.Size > 0 && h.Remaining >= plenty*h.Size {
		return bound{}, false
	}
	switch {
	case h.Reset > 0: // a count that begins anew
		b = bound{perSecond: h.Remaining / h.Reset.Seconds(), until: now.Add(h.Reset), scarce: h.Reset > long && h.Remaining < spare*h.Size}
	case h.Window > 0 && h.Size > 0: // a bucket that refills: no more than flows in until it is half full again
		refill := h.Size / h.Window.Seconds()
		missing := plenty*h.Size - h.Remaining
		b = bound{perSecond: refill * max(h.Remaining/(plenty*h.Size), 0.1), until: now.Add(time.Duration(missing / refill * float64(time.Second)))}
	default:
		return bound{}, false
	}
	b.perSecond = max(b.perSecond, atLeast)
	return b, true
}

// day is the bound of what is left of a day's calls, by our own count.
func day(now time.Time, left, size int) bound {
	midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	b, binds := boundOf(adapters.Hint{Size: float64(size), Remaining: float64(max(left, 0)), Reset: midnight.Sub(now)}, now)
	if !binds {
		return bound{} // over already
	}
	return b
}
