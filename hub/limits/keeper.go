package limits

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// beatEvery is how often a process that calls a connection asks for its share, and shareLasts how long it has it.
	beatEvery  = time.Second
	shareLasts = 5 * time.Second
	// settling is how long a newcomer among several waits: by then the others have asked, and take less.
	settling = beatEvery + 500*time.Millisecond
	// patience is how long work may wait in a worker for its turn; what must wait longer waits in the queue.
	patience = time.Second
	// beyond is how long work waits that has no slot, since there are more processes than slots.
	beyond = 5 * time.Second
	// again is after how long at most work that waits asks again: a limit may be wider by then.
	again = 10 * time.Minute
	// piece is how many calls there are to be for work that begins at a rate at which, once they are used up, the next would
	// not come in its time: work that ends in the midst of its calls has used them up for nothing. apart is how long such work
	// has to take them before other work begins.
	piece = 5
	apart = 5 * time.Second
)

// keeper keeps one connection's limits in this process.
type keeper struct {
	*Limits
	connection string
	// allowed is for all processes together.
	allowed adapters.Limits
	next    http.RoundTripper
	rate    *rate.Limiter
	slots   *slots
	breaker *gobreaker.TwoStepCircuitBreaker[any]

	mu sync.Mutex
	// part and pace are this process' share, and how fast the connection is called by now.
	part, pace float64
	beatAt     time.Time
	settled    time.Time
	pulls      map[string]*rate.Limiter
	// pages is for the pages of all pulls; nil where they are like other calls.
	pages  *rate.Limiter
	bounds map[string]bound
	// pullsAt is when pulls may go on, where little of the vendor's day is left for live work.
	pullsAt time.Time
	// need is how many calls work finds when it begins: 1, or piece. begunAt is when the last one that needs several began.
	need    int
	begunAt time.Time
	// calls are those not yet counted in the store.
	calls int64
	// probedAt is when the last work was let in while the breaker tries whether calls succeed again.
	probedAt time.Time
	// outage says that the store has an outage that is over, or about to be tried.
	outage bool
	// news are changes of the breaker that the store has not heard of.
	news []gobreaker.State
}

func newKeeper(l *Limits, connection string, allowed adapters.Limits, next http.RoundTripper) *keeper {
	if next == nil {
		next = http.DefaultTransport
	}
	k := &keeper{Limits: l, connection: connection, allowed: allowed, next: next, part: 1, pace: 1, need: 1,
		rate: rate.NewLimiter(rate.Inf, 1), slots: &slots{size: allowed.Concurrency}, pulls: map[string]*rate.Limiter{}, bounds: map[string]bound{}}
	if allowed.PagesPerMinute > 0 {
		k.pages = rate.NewLimiter(rate.Inf, 1)
	}
	k.breaker = k.newBreaker()
	k.tune(time.Now())
	return k
}

// beat asks for this process' share where it has not for a while, and tells how long a newcomer is to wait.
func (k *keeper) beat(ctx context.Context, c store.Connection) (wait time.Duration, err error) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if due := now.Sub(k.beatAt) >= beatEvery; due {
		if err := k.ask(ctx, now); err != nil {
			return 0, err
		}
	}
	k.outage = c.Outages > 0
	if c.Pace != k.pace {
		k.pace = c.Pace
		k.tune(now)
	}
	return max(0, k.settled.Sub(now)), nil
}

// ask is called with the lock held, so that a process asks once.
func (k *keeper) ask(ctx context.Context, now time.Time) error {
	share, err := k.Store.Share(ctx, k.connection, k.Process, shareLasts)
	if err != nil {
		return err
	}
	if k.allowed.PerDay > 0 {
		today, err := k.Store.CountCalls(ctx, k.connection, k.calls)
		if err != nil {
			return err
		}
		k.calls = 0
		k.bounds["calls a day"] = day(now, k.allowed.PerDay-int(today), k.allowed.PerDay)
	}
	k.beatAt, k.part = now, 1/float64(share.Of)
	k.settled = time.Time{}
	if share.Of > 1 && share.Since < settling {
		k.settled = now.Add(settling - share.Since)
	}
	slots := k.allowed.Concurrency / share.Of
	if share.Rank < k.allowed.Concurrency%share.Of {
		slots++
	}
	k.slots.resize(slots)
	k.tune(now)
	return nil
}

// tune sets the rate by all that is known; the lock is held.
func (k *keeper) tune(now time.Time) {
	perSecond := k.allowed.PerSecond * k.part * k.pace
	k.pullsAt, k.need = time.Time{}, 1
	for name, b := range k.bounds {
		if !b.until.After(now) {
			delete(k.bounds, name)
			continue
		}
		if rate := b.perSecond * k.part; rate < perSecond {
			perSecond, k.need = rate, 1
			if b.long && b.perSecond > look && rate*apart.Seconds() < 1 {
				k.need = piece
			}
		}
		if b.spared.After(k.pullsAt) {
			k.pullsAt = b.spared
		}
	}
	set(k.rate, perSecond, k.need)
	if k.pages != nil {
		// With the one that may come at once, no minute has more than the share.
		perMinute := float64(k.allowed.PagesPerMinute) * k.part
		k.pages.SetLimit(rate.Limit(max(perMinute-1, perMinute/2) / 60 * k.pace))
	}
	if k.Metrics != nil {
		k.Metrics.rate.WithLabelValues(k.connection).Set(perSecond)
	}
}

func set(limiter *rate.Limiter, perSecond float64, need int) {
	burst := max(need, int(perSecond))
	if limiter.Limit() == rate.Limit(perSecond) && limiter.Burst() == burst {
		return
	}
	limiter.SetLimit(rate.Limit(perSecond))
	limiter.SetBurst(burst)
}

// admit tells how long work is to wait before it begins.
func (k *keeper) admit(pull *pullClass, underway bool) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if wait := k.probe(now); wait > 0 {
		return wait
	}
	if k.slots.none() {
		return beyond
	}
	if underway {
		return 0
	}
	wait := delay(k.rate, now, k.need)
	if pull != nil {
		wait = max(wait, delay(k.pull(pull), now, k.need), k.pullsAt.Sub(now))
		if k.pages != nil {
			wait = max(wait, delay(k.pages, now, 1))
		}
	}
	if k.need > 1 {
		wait = max(wait, k.begunAt.Add(apart).Sub(now))
	}
	if wait > patience {
		return min(wait, again)
	}
	if k.need > 1 {
		k.begunAt = now
	}
	return 0
}

// delay is how long it is until there are that many calls.
func delay(limiter *rate.Limiter, now time.Time, need int) time.Duration {
	missing := float64(need) - limiter.TokensAt(now)
	if missing <= 0 || limiter.Limit() <= 0 {
		return 0
	}
	return time.Duration(missing / float64(limiter.Limit()) * float64(time.Second))
}

// pull is the limiter of a kind's pulls; the lock is held.
func (k *keeper) pull(class *pullClass) *rate.Limiter {
	limiter := k.pulls[class.kind]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Inf, 1)
		k.pulls[class.kind] = limiter
	}
	set(limiter, float64(k.rate.Limit())*class.share, k.need)
	return limiter
}
