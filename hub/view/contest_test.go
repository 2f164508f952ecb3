package view_test

import (
	"fmt"
	"testing"
	"time"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/view"
)

func TestOnlyAValueThatWasAgreedAndMovedIsUndone(t *testing.T) {
	s := begin(t)
	undone := func(values string) bool { return s.v.State().Undone(customer(values), "email") }
	if undone("email=a") || undone("") {
		t.Error("an empty view has undone a value")
	}
	s.observe(snapshot(5, "email=x"), view.Applied)
	if undone("") {
		t.Error("a value is an emptiness undone that nobody ever agreed to")
	}
	s.deliver(5, 6, "email=A", "email=a")
	if undone("email=A") {
		t.Error("the vendor's own form of a value undoes it")
	}
	s.observe(snapshot(7, "email=x"), view.Applied)
	if !undone("email=A") || undone("email=b") || undone("email=x") {
		t.Error("the agreed value alone is undone")
	}
	s.observe(snapshot(8, "email=y"), view.Applied)
	if !undone("email=A") {
		t.Error("a further move takes back that it was undone")
	}
	s.deliver(8, 9, "email=A", "email=a")
	if undone("email=A") {
		t.Error("a value that was brought back is undone")
	}
	s.deliver(9, 10, "email=", "")
	s.observe(snapshot(11, "email=z"), view.Applied)
	if !undone("") {
		t.Error("an emptiness that was agreed is not undone by a value")
	}
}

func TestWhatWasUndoneOutlivesTheSequence(t *testing.T) {
	s := begin(t)
	s.deliver(0, 1, "email=a", "email=a")
	for second := 2; second < 30; second++ {
		s.observe(snapshot(second, fmt.Sprintf("email=x%d", second)), view.Applied)
	}
	if s.v = reopen(t, s.v); !s.v.State().Undone(customer("email=a"), "email") {
		t.Error("what was undone was forgotten")
	}
}

func TestCorrectionsAreCountedSinceATime(t *testing.T) {
	v := view.New(schema)
	at := func(minute int) time.Time { return time.Unix(int64(60*minute), 0).UTC() }
	for _, minute := range []int{0, 10, 20} {
		v.Correct("email", at(minute), at(minute-15))
	}
	v = reopen(t, v)
	for since, want := range map[int]int{0: 2, 10: 2, 11: 1, 21: 0} { // what was before 15 minutes ago is forgotten
		if got := v.Corrections("email", at(since)); got != want {
			t.Errorf("since minute %d: %d corrections, want %d", since, got, want)
		}
	}
	for range 500 {
		v.Correct("phone", at(30), at(0))
	}
	if got := v.Corrections("phone", at(0)); got < 100 || got > 200 {
		t.Errorf("%d corrections are remembered, want a bound", got)
	}
}

func TestAContestIsOverOneValue(t *testing.T) {
	for _, value := range []string{"email=a", ""} {
		v := view.New(schema)
		v.Contest("email", customer(value))
		v = reopen(t, v)
		if !v.Contested("email", customer(value)) || v.Contested("email", customer("email=b")) || v.Contested("phone", customer(value)) {
			t.Errorf("%q: contested is %+v", value, v.Contests)
		}
		if v.Yield("email"); v.Contested("email", customer(value)) {
			t.Errorf("%q is contested after it yielded", value)
		}
	}
}

func TestAContestThatCannotBeReadIsAnError(t *testing.T) {
	stored := marshal(t, &storev1.View{Contests: map[string]*storev1.Contest{"email": {Message: []byte{0xff}}}})
	if _, err := view.Decode(schema, stored); err == nil {
		t.Error("a broken contest is decoded without an error")
	}
}
