package view_test

import (
	"slices"
	"testing"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

func TestAValueIsAClaimFromWhenItLastChanged(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a note=n"), view.Applied)
	s.observe(snapshot(7, "email=a note=m"), view.Applied) // touching the note makes no old e-mail address the latest
	s.is("email: said a@5, held a", "note: said m@7, held m")
}

func TestEmptyAttributesOfTheFirstSnapshotAreNoClaims(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a phone="), view.Applied)
	s.is("email: said a@5, held a")
	state := s.v.State()
	for _, path := range []model.Path{"phone", "note", "billing_address.city"} {
		if state.Spoke(path) || !state.Blanks[path] {
			t.Errorf("%s: claimed %v, blank %v; want a blank that is no claim", path, state.Spoke(path), state.Blanks[path])
		}
	}
	if state.Blanks["email"] || state.Blanks["company"] {
		t.Error("what has a value, or what the source does not carry, is a blank")
	}
	s.observe(snapshot(7, "email=a"), view.Applied) // still empty: still no claim
	s.is("email: said a@5, held a")
}

func TestAValueThatGoesIsAClaimOfEmptiness(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a custom.tier=gold billing_address.city=Wien"), view.Applied)
	s.observe(snapshot(7, "email="), view.Applied)
	s.is("email: said -@7", "custom.tier: said -@7", "billing_address.city: said -@7")
	if blanks := s.v.State().Blanks; blanks["email"] || blanks["custom.tier"] {
		t.Errorf("claims of emptiness are blanks: %v", blanks)
	}
}

func TestAPartialObservationThatSaysEmptyIsAClaim(t *testing.T) {
	t.Run("first word", func(t *testing.T) {
		s := begin(t)
		s.observe(partial(5, "phone="), view.Applied)
		s.is("phone: said -@5")
	})
	t.Run("after a snapshot without", func(t *testing.T) {
		s := begin(t)
		s.observe(snapshot(4, "email=a"), view.Applied)
		s.observe(partial(5, "phone= custom.tier="), view.Applied)
		s.is("email: said a@4, held a", "phone: said -@5", "custom.tier: said -@5")
	})
	t.Run("said again, it stands since the first time", func(t *testing.T) {
		s := begin(t)
		s.observe(partial(5, "phone="), view.Applied)
		s.observe(partial(7, "phone="), view.Applied)
		s.is("phone: said -@5")
	})
	t.Run("with the stamp of a snapshot without, in either order", func(t *testing.T) {
		s := begin(t)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.observe(partial(5, "phone="), view.Applied)
		s.is("email: said a@5, held a", "phone: said -@5")
		s = begin(t)
		s.observe(partial(5, "phone="), view.Applied)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.is("email: said a@5, held a", "phone: said -@5")
	})
}

func TestAPartialObservationLeavesAllElseAlone(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a phone=1 custom.tier=gold"), view.Applied)
	s.observe(partial(6, "phone=2"), view.Applied)
	s.is("email: said a@5, held a", "phone: said 2@6, held 2", "custom.tier: said gold@5, held gold")
}

func TestAnEditBackToAnEarlierValueIsANewClaim(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.observe(snapshot(6, "email=b"), view.Applied)
	s.observe(snapshot(7, "email=a"), view.Applied)
	s.is("email: said a@7, held a")
}

// A new version of an adapter speaks of more attributes: those that are empty were not cleared.
func TestAnAttributeThatTheAdapterCarriesAnewIsNotSaidToBeEmpty(t *testing.T) {
	for _, older := range [][]model.Path{{"email"}, {"email", "note"}} {
		s := begin(t)
		o := snapshot(5, "email=a")
		o.Paths = older
		s.observe(o, view.Applied)
		s.observe(snapshot(6, "email=a billing_address.city=Wien"), view.Applied)
		s.is("email: said a@5, held a", "billing_address.city: said Wien@6, held Wien")
		if s.v.State().Spoke("phone") {
			t.Errorf("from %v to %v: an empty phone number is a claim", older, carried)
		}
	}
}

func TestAnAttributeThatTheAdapterNoLongerCarriesStaysAsItWas(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a phone=1"), view.Applied)
	o := snapshot(6, "email=b")
	o.Paths = []model.Path{"email"}
	s.observe(o, view.Applied)
	s.is("email: said b@6, held b", "phone: said 1@5, held 1")
}

// The very object read again by a new version of the adapter has the same stamp and says more.
func TestMoreAttributesOfTheSameStateAreTaken(t *testing.T) {
	for _, o := range []view.Observation{snapshot(5, "email=a phone=1"), read(5, "email=a phone=1")} {
		s := begin(t)
		older := snapshot(5, "email=a")
		older.Paths = []model.Path{"email"}
		s.observe(older, view.Applied)
		s.observe(o, view.Applied)
		s.is("email: said a@5, held a", "phone: said 1@5, held 1")
		s.observe(o, view.Duplicate)
		s.observe(older, view.Duplicate)
	}
}

// A snapshot or an answer in which one attribute could not be used speaks of the others, and disturbs nothing.
func TestSnapshotsMaySpeakOfLess(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a phone=1"), view.Applied)
	less := snapshot(7, "email=c")
	less.Paths = []model.Path{"email", "note"}
	s.observe(less, view.Applied)
	answer := delivery(7, 9, "note=n", "email=c note=n")
	answer.HeldPaths = []model.Path{"email", "note"}
	s.v.Deliver(answer)
	s.observe(snapshot(6, "email=b phone=2"), view.Applied) // late, and not lost
	s.is("email: said c@7, held c", "phone: said 2@6, held 2", "note: blank, held n")
	s.observe(snapshot(8, "email=c note=late"), view.Applied)
	s.is("email: said c@7, held c", "phone: said -@8", "note: said late@8, held n")
}

func TestASnapshotOfNothingSaysNothing(t *testing.T) {
	s := begin(t)
	s.observe(partial(4, "email=a"), view.Applied)
	s.v.Observe(view.Observation{Stamp: at(5), Message: customer(""), Snapshot: true})
	s.observe(snapshot(6, "email=a phone=1"), view.Applied)
	s.is("email: said a@4, held a", "phone: said 1@6, held 1")
}

func TestTheViewKeepsNoPathsOfItsCallers(t *testing.T) {
	s := begin(t)
	o := partial(5, "email=a note=n")
	s.observe(o, view.Applied)
	d := delivery(5, 6, "phone=1", "email=a note=n phone=1")
	d.HeldPaths = slices.Clone(carried)
	s.v.Deliver(d)
	o.Paths[0], d.Paths[0], d.HeldPaths[0] = "company", "company", "company"
	s.is("email: said a@5, held a", "note: said n@5, held n", "phone: held 1")
}
