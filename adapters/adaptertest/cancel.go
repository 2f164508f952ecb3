package adaptertest

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var cancelChecks = []check{
	{"ACancelledContextCallsNobody", nil, cancelledCallsNobody},
	{"ATimeOutReturnsAtOnce", needs(adapters.Fetches), timeOutReturns},
	{"ATimeOutLeavesAPushInDoubt", needs(adapters.Updates, adapters.Fetches), timeOutLeavesDoubt},
}

func cancelledCallsNobody(t testing.TB, s Suite) {
	st := s.stage(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := len(st.calls.made())
	transient := func(what string, err error) {
		if f := faultIn(t, what+" with a cancelled context", err); f.Category != fault.Transient || f.MaybeDone {
			t.Errorf("%s with a cancelled context: %v, want it transient and not done", what, err)
		}
	}
	s.eachKind(readable, func(c adapters.Carriage) {
		_, err := st.Fetcher.Fetch(ctx, adapters.Object{Kind: c.Kind, ExternalID: "1"})
		transient("fetch", err)
	})
	s.eachKind(pullable, func(c adapters.Carriage) {
		_, err := st.Puller.Pull(ctx, adapters.Query{Kind: c.Kind, Size: 1})
		transient("pull", err)
	})
	s.eachKind(can(adapters.Counts), func(c adapters.Carriage) {
		if st.Counter != nil {
			_, err := st.Counter.Count(ctx, c.Kind)
			transient("count", err)
		}
	})
	s.eachKind(can(adapters.Archives), func(c adapters.Carriage) {
		_, err := st.Archiver.Archive(ctx, adapters.Request{Kind: c.Kind, ExternalID: "1", Key: "key-1"})
		transient("archive", err)
	})
	transient("probe", st.Prober.Probe(ctx))
	if made := len(st.calls.made()) - before; made > 0 {
		t.Errorf("with a cancelled context, %d calls were made", made)
	}
}

// limit is short for a vendor that hangs; at once is what an adapter may take to notice.
const (
	limit  = 50 * time.Millisecond
	atOnce = 3 * time.Second
)

func timeOutReturns(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(readable, func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		st.inject(Fault{Hang: true})
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		begin := time.Now()
		_, err := st.Fetcher.Fetch(ctx, o)
		if f := faultIn(t, "fetch from a vendor that hangs", err); f.Category != fault.Transient {
			t.Errorf("fetch from a vendor that hangs: %v, want it transient", err)
		}
		if took := time.Since(begin); took > atOnce {
			t.Errorf("fetch with %s to go returned after %s", limit, took)
		}
	})
}

func timeOutLeavesDoubt(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		to.record = proto.Clone(to.first)
		request := to.mustPrepare(t, to.patch(unseen, to.paths))
		to.inject(Fault{Hang: true, Write: true})
		ctx, cancel := context.WithTimeout(context.Background(), 10*limit)
		defer cancel()
		begin := time.Now()
		_, err := to.Pusher.Push(ctx, request)
		if f := faultIn(t, "push to a vendor that hangs", err); f.Category != fault.Transient || !f.MaybeDone {
			t.Errorf("push to a vendor that hangs: %v, maybe done %v; want transient and maybe done", err, f.MaybeDone)
		}
		if took := time.Since(begin); took > atOnce {
			t.Errorf("push with %s to go returned after %s", 10*limit, took)
		}
	})
}
