package view_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/view"
)

func TestALateObservationTakesItsPlace(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.observe(snapshot(9, "email=b note=n"), view.Applied)
	s.observe(snapshot(7, "email=c note=n"), view.Applied)
	s.is("email: said b@9, held b", "note: said n@7, held n") // the note was there at 7 already
	s.observe(snapshot(8, "email=b"), view.Applied)
	s.is("email: said b@8, held b", "note: said n@9, held n")
}

func TestALateObservationThatWouldBeTheFirstMakesNoEmptinessUnsaid(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.observe(snapshot(3, "email=a phone=1"), view.Applied)
	s.is("email: said a@3, held a", "phone: said -@5")
}

func TestADuplicateIsTold(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a custom.tier=gold"), view.Applied)
	s.observe(partial(6, "phone=1"), view.Applied)
	s.observe(snapshot(5, "email=a custom.tier=gold"), view.Duplicate)
	s.observe(partial(5, "email=a"), view.Duplicate)
	s.observe(partial(5, "custom.tier=gold"), view.Duplicate)
	s.observe(partial(6, "phone=1"), view.Duplicate)
	s.observe(partial(6, "email=a phone=1"), view.Applied) // says more
	s.is("email: said a@5, held a", "phone: said 1@6, held 1", "custom.tier: said gold@5, held gold")
}

func TestADuplicateOfWhatWasFoldedLastIsTold(t *testing.T) {
	s := begin(t)
	for second := 1; second <= 20; second++ {
		s.observe(partial(second, fmt.Sprintf("email=%d phone=", second)), view.Applied)
	}
	s.observe(partial(12, "email=12 phone="), view.Duplicate) // 13 to 20 are kept
	s.observe(partial(12, "email=other"), view.Ambiguous)
	s.observe(partial(12, "note=n"), view.Ambiguous) // of what was folded it cannot be told
	s.observe(partial(11, "email=11"), view.Stale)
	s.is("email: said 20@20, held 20", "phone: said -@1")
}

func TestEqualStampsWithDifferentValuesAreAmbiguousForEvents(t *testing.T) {
	for _, o := range []view.Observation{snapshot(5, "email=b"), partial(5, "email=b"), partial(5, "phone=1"), partial(5, "email="), snapshot(5, "email=a custom.tier=gold")} {
		s := begin(t)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.observe(o, view.Ambiguous)
		s.is("email: said a@5, held a")
	}
}

func TestEqualStampsWithDifferentAttributesAreNotAmbiguous(t *testing.T) {
	s := begin(t)
	s.observe(partial(5, "email=a"), view.Applied)
	s.observe(partial(5, "phone=1"), view.Applied)
	s.observe(snapshot(5, "email=a phone=1 note=n"), view.Applied)
	s.is("email: said a@5, held a", "phone: said 1@5, held 1", "note: said n@5, held n")
}

func TestAReadIsTheStateNow(t *testing.T) {
	t.Run("with the stamp of an event", func(t *testing.T) {
		s := begin(t)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.observe(read(5, "email=b"), view.Applied)
		s.is("email: said b@5, held b")
		s.observe(read(5, "email=b"), view.Duplicate)
		s.observe(read(5, "email=a"), view.Applied) // edited back within the second: no duplicate of the first
		s.is("email: said a@5, held a")
	})
	t.Run("with an older stamp than an event", func(t *testing.T) {
		s := begin(t)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.observe(read(3, "email=b"), view.Applied)
		s.is("email: said b@5, held b")
		s.observe(read(3, "email=b"), view.Duplicate)
	})
	t.Run("of what was folded", func(t *testing.T) {
		s := begin(t)
		for range 10 {
			s.observe(read(5, "email=a"), view.Applied)
			s.observe(read(5, "email=b"), view.Applied)
		}
		s.observe(read(5, "email=b"), view.Duplicate)
		s.is("email: said b@5, held b")
	})
	t.Run("of what we delivered in that second", func(t *testing.T) {
		s := begin(t)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.deliver(5, 5, "email=x", "email=x")
		s.observe(read(5, "email=x"), view.Duplicate)
		s.observe(snapshot(5, "email=a"), view.Ambiguous) // the first again, or an edit back? It is read
		s.observe(read(5, "email=a"), view.Applied)
		s.is("email: said a@5, held a")
	})
}

// Which of two events of one second came last is told by the newest of them that the view knows.
func TestAnEventIsComparedWithTheNewestOfItsStamp(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.observe(read(5, "email=b"), view.Applied)
	s.observe(snapshot(5, "email=b"), view.Duplicate)
	s.observe(snapshot(5, "email=a"), view.Ambiguous)
}

func TestOnlyWhatManyNewerOnesOvertookIsStale(t *testing.T) {
	const window = 8
	for overtaken := 1; overtaken <= window+1; overtaken++ {
		s := begin(t)
		for second := 10; second < 10+overtaken; second++ {
			s.observe(snapshot(second, fmt.Sprintf("email=%d", second)), view.Applied)
		}
		late := snapshot(5, "email=a phone=1")
		if overtaken > window {
			s.observe(late, view.Stale)
			continue
		}
		s.observe(late, view.Applied)
		s.is(fmt.Sprintf("email: said %d@%d, held %d", 9+overtaken, 9+overtaken, 9+overtaken), "phone: said -@10")
	}
}

func TestACounterOrdersWhateverTheTimesAre(t *testing.T) {
	version := func(n int64, second int, values string) view.Observation {
		o := snapshot(second, values)
		o.Stamp.Version = n
		return o
	}
	s := begin(t)
	s.observe(version(2, 5, "email=a"), view.Applied)
	s.observe(version(4, 5, "email=c"), view.Applied) // in one second, and not ambiguous
	s.observe(version(3, 9, "email=b"), view.Applied)
	s.is("email: said c@4, held c")
	s.observe(version(4, 3, "email=c"), view.Duplicate)
	s.observe(version(3, 9, "email=d"), view.Ambiguous)
	if newest := s.v.Newest(); newest.Version != 4 {
		t.Errorf("the newest is %s", newest)
	}
}

func TestStampsCompare(t *testing.T) {
	v := func(version int64, second int) view.Stamp {
		return view.Stamp{Version: version, Time: time.Unix(int64(second), 0)}
	}
	for _, test := range []struct {
		a, b view.Stamp
		want int
	}{
		{view.Stamp{}, view.Stamp{}, 0},
		{view.Stamp{}, v(0, 1), -1},
		{v(0, 1), v(0, 2), -1},
		{v(0, 2), v(0, 2), 0},
		{v(1, 2), v(2, 1), -1},
		{v(2, 1), v(2, 9), 0},
		{v(2, 1), v(0, 2), -1}, // one without a counter is ordered by time
		{v(2, 1), view.Stamp{}, 1},
	} {
		if got := test.a.Compare(test.b); got != test.want {
			t.Errorf("%s to %s: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := test.b.Compare(test.a); got != -test.want {
			t.Errorf("%s to %s: %d, want %d", test.b, test.a, got, -test.want)
		}
	}
	if !(view.Stamp{}).IsZero() || v(1, 0).IsZero() || v(0, 1).IsZero() {
		t.Error("IsZero is wrong")
	}
	if got := (view.Stamp{}); got != view.New(schema).Newest() {
		t.Errorf("an empty view's newest is %s", view.New(schema).Newest())
	}
}

// A source that can only be listened to tells things in turn: the later of two with one stamp counts, and one with an
// older stamp takes its place in the order as ever.
func TestOfEqualStampsTheLaterCountsWhereNobodyCanBeAsked(t *testing.T) {
	t.Parallel()
	inTurn := func(o view.Observation) view.Observation {
		o.InTurn = true
		return o
	}
	s := begin(t)
	s.observe(inTurn(snapshot(5, "email=a")), view.Applied)
	s.observe(inTurn(snapshot(5, "email=b")), view.Applied)
	s.observe(inTurn(snapshot(5, "email=b")), view.Duplicate)
	s.is("email: said b@5, held b")
	s.observe(inTurn(snapshot(5, "email=a")), view.Applied) // back again
	s.is("email: said a@5, held a")
	s.observe(inTurn(snapshot(7, "email=c")), view.Applied)
	s.observe(inTurn(snapshot(5, "email=d")), view.Applied) // heard late
	s.is("email: said c@7, held c")
}
