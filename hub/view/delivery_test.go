package view_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/view"
)

func TestADeliveredValueIsNoClaimAndErasesNone(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.deliver(5, 6, "email=x phone=1", "email=x phone=1")
	s.is("email: said a@5, held x", "phone: blank, held 1")
	s.deliver(6, 7, "email=y", "email=y phone=1")
	s.is("email: said a@5, held y", "phone: blank, held 1")
}

func TestAnEchoIsNoClaim(t *testing.T) {
	for name, echo := range map[string]view.Observation{
		"with the answer's stamp":       snapshot(7, "email=x"),
		"between sending and answer":    snapshot(6, "email=x"),
		"with a later stamp":            snapshot(8, "email=x"),
		"of one attribute":              partial(6, "email=x"),
		"read":                          read(7, "email=x"),
		"read, by a replica that lags":  read(6, "email=x"),
		"of one attribute, late enough": partial(8, "email=x"),
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.observe(snapshot(5, "email=a"), view.Applied)
			s.deliver(5, 7, "email=x", "email=x")
			s.v.Observe(echo)
			s.is("email: said a@5, held x")
			if echo.Read {
				return // never applied while a push is under way
			}
			s = begin(t) // and the other way round: the echo before the answer is stored
			s.observe(snapshot(5, "email=a"), view.Applied)
			s.v.Observe(echo)
			s.deliver(5, 7, "email=x", "email=x")
			s.is("email: said a@5, held x")
		})
	}
}

func TestAnEchoOfACreatedObjectIsNoClaim(t *testing.T) {
	s := begin(t)
	s.v.Deliver(view.Delivery{Stamp: at(7), Sent: customer("email=x"), Paths: pathsIn("email"), Held: customer("email=x note=n"), HeldPaths: carried})
	s.observe(snapshot(6, "email=x note=n"), view.Applied)
	s.observe(snapshot(7, "email=x note=n"), view.Duplicate)
	s.is("email: held x", "note: said n@6, held n") // the note is the vendor's own doing
}

func TestDeliveredEmptinessIsNoClaimAndNeitherIsItsEcho(t *testing.T) {
	for _, echo := range []view.Observation{snapshot(9, ""), partial(9, "phone="), partial(8, "phone="), snapshot(8, "")} {
		s := begin(t)
		s.observe(snapshot(5, ""), view.Applied)
		s.deliver(5, 7, "phone=1", "phone=1")
		s.deliver(7, 9, "phone=", "")
		s.v.Observe(echo)
		s.is()
		if s.v.State().Spoke("phone") {
			t.Errorf("the echo at %s (snapshot: %v) of a delivered emptiness is a claim", echo.Stamp, echo.Snapshot)
		}
	}
}

func TestAnAnswerIsAnObservationOfWhatWasNotPushed(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a note=n"), view.Applied)
	s.deliver(5, 7, "email=x", "email=x note=m phone=1")
	s.is("email: said a@5, held x", "note: said m@7, held m", "phone: said 1@7, held 1")
}

func TestANormalisedAnswerIsAgreed(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.deliver(5, 7, "email=MAX", "email=max")
	s.is("email: said a@5, held max, agreed MAX")
	s.observe(snapshot(6, "email=max"), view.Applied) // its echo, late
	s.observe(snapshot(8, "email=max note=n"), view.Applied)
	s.is("email: said a@5, held max, agreed MAX", "note: said n@8, held n")
	for value, want := range map[string]bool{"email=MAX": true, "email=max": true, "email=a": false, "": false} {
		if got := s.v.State().Holds(customer(value), "email"); got != want {
			t.Errorf("Holds(%q) = %v", value, got)
		}
	}
}

func TestAgreementEndsWhenWhatIsHeldMoves(t *testing.T) {
	s := begin(t)
	s.deliver(0, 7, "email=MAX", "email=max")
	s.observe(snapshot(8, "email=b"), view.Applied)
	s.is("email: said b@8, held b")
	if s.v.State().Holds(customer("email=MAX"), "email") {
		t.Error("what was agreed is held after it moved")
	}
	s.observe(snapshot(9, "email=max"), view.Applied)
	s.is("email: said max@9, held max")
	if s.v.State().Holds(customer("email=MAX"), "email") {
		t.Error("moving back to the vendor's form renews the agreement")
	}
	s.deliver(9, 10, "email=MAX", "email=max")
	s.is("email: said max@9, held max, agreed MAX")
}

func TestAgreementOutlivesTheWindow(t *testing.T) {
	s := begin(t)
	s.deliver(0, 1, "email=MAX phone=1", "email=max phone=1")
	for second := 2; second < 30; second++ {
		s.observe(snapshot(second, fmt.Sprintf("email=max phone=%d", second)), view.Applied)
	}
	s.is("email: held max, agreed MAX", "phone: said 29@29, held 29")
}

func TestNothingIsHeldWhereNothingIsKnown(t *testing.T) {
	state := view.New(schema).State()
	if state.Holds(customer("email=a"), "email") {
		t.Error("an empty view holds a value")
	}
	if !state.Holds(customer(""), "email") {
		t.Error("an empty view does not hold emptiness: it would be pushed to a new object")
	}
}

func TestAnEditAfterADeliveryIsAClaim(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.deliver(5, 7, "email=x", "email=x")
	s.observe(snapshot(8, "email=b"), view.Applied)
	s.is("email: said b@8, held b")
	s.deliver(8, 9, "email=x", "email=x")
	s.observe(snapshot(10, "email=a"), view.Applied) // back to what it said before we came
	s.is("email: said a@10, held a")
	s.deliver(10, 11, "email=x", "email=x")
	s.observe(snapshot(12, ""), view.Applied)
	s.is("email: said -@12")
}

// The source changed b after what we knew and before our push; its event comes when our push is done.
func TestALateClaimThatOurPushOverwroteUnseenIsFound(t *testing.T) {
	for _, o := range []view.Observation{snapshot(6, "email=b"), partial(6, "email=b")} {
		s := begin(t)
		s.observe(snapshot(5, "email=a"), view.Applied)
		s.deliver(5, 7, "email=x", "email=x")
		s.is("email: said a@5, held x")
		s.observe(o, view.Applied)
		s.is("email: said b@6, held x")
	}
}

// A value equal to ours is the source's own where it stood before our push was sent.
func TestOnlyWhatCameAfterSendingIsAnEcho(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a"), view.Applied)
	s.observe(snapshot(6, "email=x"), view.Applied)
	s.observe(snapshot(7, "email=b"), view.Applied)
	s.deliver(7, 9, "email=x", "email=x")
	s.is("email: said b@7, held x")
	s.observe(snapshot(4, "email=x"), view.Applied) // late
	s.is("email: said b@7, held x")

	s = begin(t)
	s.observe(snapshot(5, "email=max"), view.Applied)
	s.deliver(5, 7, "email=MAX", "email=max") // the vendor makes our form its own again
	s.is("email: said max@5, held max, agreed MAX")
	s.observe(partial(4, "email=max"), view.Applied)
	s.is("email: said max@4, held max, agreed MAX")
}

func TestAnAttributeThatAnswersDoNotTellIsHeldAsSent(t *testing.T) {
	s := begin(t)
	s.deliver(0, 7, "email=x company=c", "email=x") // company is not carried
	s.is("email: held x", "company: held c")
	s.observe(snapshot(8, "email=x"), view.Applied)
	s.is("email: held x", "company: held c")
	if s.v.State().Holds(customer(""), "company") {
		t.Error("a company that was delivered would never be cleared")
	}
}

func TestAnAnswerThatTellsNothingIsNoSnapshot(t *testing.T) {
	s := begin(t)
	s.observe(partial(5, "email=a note=n"), view.Applied)
	s.v.Deliver(view.Delivery{After: at(5), Stamp: at(6), Sent: customer("email=x"), Paths: pathsIn("email")})
	s.is("email: said a@5, held x", "note: said n@5, held n")
	s.observe(snapshot(7, "email=x note=n"), view.Applied)
	s.is("email: said a@5, held x", "note: said n@5, held n")
	s.v.Deliver(view.Delivery{After: at(7), Stamp: at(8), Sent: customer("email=y"), Paths: pathsIn("email")})
	s.observe(snapshot(9, "email=y note=n"), view.Applied)
	s.is("email: said a@5, held y", "note: said n@5, held n")
}

// The answer is stored so late that newer observations were folded: they are what the source holds.
func TestAnAnswerThatIsOvertakenChangesNothingThatIsNewer(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(1, "email=a phone=1 note=n"), view.Applied)
	s.observe(snapshot(4, "email=x phone=y note=n"), view.Applied)
	for second := 5; second < 25; second++ {
		s.observe(snapshot(second, "email=x phone=2 note=m"), view.Applied)
	}
	s.deliver(1, 3, "email=X phone=Y", "email=x phone=y note=n")
	if newest := s.v.Newest(); newest != at(24) {
		t.Errorf("the newest place went back to %s", newest)
	}
	state := s.v.State()
	if state.Newest != at(24) {
		t.Errorf("the state's newest place went back to %s", state.Newest)
	}
	for value, want := range map[string]bool{"email=X": true, "email=x": true, "phone=2": true, "phone=Y": false, "note=m": true, "note=n": false} {
		if path := pathsIn(value)[0]; state.Holds(customer(value), path) != want {
			t.Errorf("Holds(%s) = %v", value, !want)
		}
	}
}

func TestARefusalIsKeptUntilTheAttributeIsDelivered(t *testing.T) {
	s := begin(t)
	message := customer("email=bad phone=1")
	s.v.Refuse("email", message, "not an address", time.Unix(9, 0))
	modeltest.SetText(message, "email", "changed")
	refusal := s.v.Refused["email"]
	if !schema.Equal(refusal.Message, customer("email=bad"), "email") || refusal.Reason != "not an address" {
		t.Errorf("kept %v, %q", refusal.Message, refusal.Reason)
	}
	if !schema.Empty(refusal.Message, "phone") {
		t.Error("a refusal keeps other attributes")
	}
	s.deliver(0, 7, "phone=1", "phone=1")
	if _, ok := s.v.Refused["email"]; !ok {
		t.Error("delivering another attribute ends the refusal")
	}
	s.deliver(7, 8, "email=good", "email=good phone=1")
	if _, ok := s.v.Refused["email"]; ok {
		t.Error("the refusal outlives a delivery of the attribute")
	}
}
