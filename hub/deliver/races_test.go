package deliver_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// world is a hub between a shop, whose word counts first, and a crm.
type world struct {
	*hubtest.Hub
	shop, crm *hubtest.Vendor
}

func newWorld(t *testing.T, wrap func(jobs.Handlers) jobs.Handlers) *world {
	t.Helper()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm},
		Policies: hubtest.Preferring("shop", "crm"), Wrap: wrap})
	return w
}

// onlyCRM is the crm's one customer.
func (w *world) onlyCRM(t *testing.T) *canonicalv1.Customer {
	t.Helper()
	all := w.crm.Customers()
	if len(all) != 1 {
		t.Fatalf("the crm has %d customers, want 1: %s", len(all), w.crm)
	}
	return all[0]
}

// Law 6: a delivery ends only in a transaction that has seen that no newer revision is owed. Here a change commits while
// the delivery of the same record is about to end: its job cannot be inserted beside the running one.
func TestLaw6ChangeThatCommitsWhileADeliveryEndsIsDelivered(t *testing.T) {
	t.Parallel()
	var w *world
	var once sync.Once
	w = newWorld(t, nil)
	w.crm.AfterPush = func(adapters.Request) error {
		once.Do(func() { w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930222222"))) })
		return nil
	}
	w.Work()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Agree()
	if got := w.onlyCRM(t).GetPhone(); got != "+4930222222" {
		t.Errorf("the crm has phone %q, want the change that came in between; %s", got, w.crm)
	}
}

// Law 6, under load: changes that race with deliveries of the same record, many times over.
func TestLaw6NothingStaysOwedWithoutAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Work()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	last := ""
	for i := range 60 {
		last = "+49301" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "000"
		w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(last)))
	}
	w.Agree()
	if got := w.onlyCRM(t).GetPhone(); got != last {
		t.Errorf("the crm has phone %q, want the last, %q", got, last)
	}
	if n := w.crm.Pushes(); n > 61 {
		t.Errorf("%d pushes for 61 changes: a burst should coalesce", n)
	}
}

// Law 7: a create that times out after taking effect, followed by a newer revision, makes one object.
func TestLaw7CreateThatTimesOutAfterTakingEffectMakesOneObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	lost := 0
	w.crm.AfterPush = func(adapters.Request) error {
		if lost++; lost == 1 {
			w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930333333")))
			return hubtest.ErrLost()
		}
		return nil
	}
	w.Work()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Agree()
	if got := w.onlyCRM(t).GetPhone(); got != "+4930333333" {
		t.Errorf("the crm has phone %q, want the newer revision's", got)
	}
	if lost < 2 {
		t.Error("the newer revision was never pushed")
	}
}

// Law 7: a create is looked for by our id at the vendor before it is sent again, since keys expire.
func TestLaw7CreateIsFoundByOurIDWhenItsKeyHasExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.crm.ForgetsKeys = true
	lost := 0
	w.crm.AfterPush = func(adapters.Request) error {
		if lost++; lost == 1 {
			return hubtest.ErrLost()
		}
		return nil
	}
	w.Work()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Agree()
	w.onlyCRM(t)
}

// Law 7: an attempt is stored before the call.
func TestLaw7AttemptIsStoredBeforeTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.crm.BeforePush = func(r adapters.Request) error {
		attempt := w.Bundle(result.RecordID).PendingAttempt("crm")
		if attempt == nil || attempt.Key != r.Key || string(attempt.Request) != string(r.Body) {
			t.Errorf("at the call the store has attempt %+v, want key %s and the frozen bytes", attempt, r.Key)
		}
		return nil
	}
	if err := w.Deliver(result.RecordID, "crm", false); err != nil {
		t.Fatal(err)
	}
	if w.Bundle(result.RecordID).PendingAttempt("crm") != nil {
		t.Error("the attempt is still pending after its answer")
	}
}

// A page read before our push and applied after it does not flip the value back: the read carries an older epoch.
func TestReadOvertakenByOurPushIsFetchedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.crm.Edit("c1", hubtest.Named("Ada L", "ada@example.com"))
	w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+4930111111")))
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))

	epoch := w.Epoch("crm", "c1")
	page, err := w.crm.Fetch(context.Background(), adapters.Object{Kind: "customer", ExternalID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Deliver(result.RecordID, "crm", false); err != nil {
		t.Fatal(err)
	}
	if got := w.crm.Customer("c1").GetName().GetFull(); got != "Ada" {
		t.Fatalf("the push left name %q", got)
	}
	if got := w.Read("crm", page, epoch).Outcome; got != apply.Overtaken {
		t.Errorf("the old page was %s, want overtaken", got)
	}
	b := w.Bundle(result.RecordID)
	if name := b.Record.Message.(*canonicalv1.Customer).GetName().GetFull(); name != "Ada" {
		t.Errorf("the record flipped back to %q", name)
	}
	if held := b.View("crm", "c1").View.State().Held.(*canonicalv1.Customer).GetName().GetFull(); held != "Ada" {
		t.Errorf("the view holds %q, want what was pushed", held)
	}
}

// The echo of our own push is no claim, also where it overtakes the push's answer.
func TestEchoThatArrivesBeforeTheAnswerWaitsForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.crm.Normalise = hubtest.LowerEmail
	first := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Old", "ada@example.com")))
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "Ada@Example.com")))
	if first.RecordID != result.RecordID {
		t.Fatal("one address made two records")
	}
	var echo adapters.Observation
	var early apply.Outcome
	w.crm.AfterPush = func(adapters.Request) error {
		var err error
		echo, err = w.crm.Fetch(context.Background(), adapters.Object{Kind: "customer", ExternalID: "c1"})
		early = w.Observe("crm", echo).Outcome
		return err
	}
	if err := w.Deliver(result.RecordID, "crm", false); err != nil {
		t.Fatal(err)
	}
	if early != apply.Waiting {
		t.Errorf("the early echo was %s, want waiting", early)
	}
	if got := w.Observe("crm", echo).Outcome; got != apply.Duplicate {
		t.Errorf("the echo after the answer was %s, want duplicate", got)
	}
	state := w.Bundle(result.RecordID).View("crm", "c1").View.State()
	if said := state.Said.(*canonicalv1.Customer); said.GetName().GetFull() != "Old" {
		t.Errorf("the crm said %v, want its own last word", said)
	}
}

// A push does not overwrite what we have not seen: an attribute that the target may itself claim is read first.
func TestUnseenEditAtTheTargetIsReadBeforeItIsOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Countess", "ada@example.com")))
	w.crm.Edit("c1", hubtest.Named("Unseen", "ada@example.com")) // no webhook of it ever arrives
	if err := w.Deliver(result.RecordID, "crm", false); err != nil {
		t.Fatal(err)
	}
	said := w.Bundle(result.RecordID).View("crm", "c1").View.State().Said.(*canonicalv1.Customer)
	if said.GetName().GetFull() != "Unseen" {
		t.Errorf("the crm said %v: its claim was overwritten unseen", said.GetName())
	}
	if got := w.crm.Customer("c1").GetName().GetFull(); got != "Countess" {
		t.Errorf("the crm has %q, want what has precedence", got)
	}
}

// Two sources that speak of one e-mail address at the same moment make one record.
func TestTwoSourcesAtOnceMakeOneRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for i := range 20 {
		email := "p" + string(rune('a'+i)) + "@example.com"
		id := adapters.ExternalID(email)
		a, b := w.shop.Edit(id, hubtest.Named("A", email)), w.crm.Edit(id, hubtest.Named("B", " "+email))
		b.Message.(*canonicalv1.Customer).Email = proto.String("P" + email[1:])
		var wg sync.WaitGroup
		var results [2]apply.Result
		wg.Go(func() { results[0] = w.Observe("shop", a) })
		wg.Go(func() { results[1] = w.Observe("crm", b) })
		wg.Wait()
		if results[0].RecordID != results[1].RecordID || results[0].RecordID == "" {
			t.Errorf("%s made %s and %s", email, results[0].RecordID, results[1].RecordID)
		}
	}
}

// The vendor's categories each get their response.
func TestFailuresGetTheResponseOfTheirCategory(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		fault   *fault.Error
		state   store.DeliveryState
		letters int
		paused  bool
		slowed  bool
	}{
		{"permanent becomes a dead letter", &fault.Error{Category: fault.Permanent, Message: "no"}, store.Dead, 1, false, false},
		{"auth pauses the connection", &fault.Error{Category: fault.Auth, Status: 401}, store.Owed, 0, true, false},
		{"throttle slows the connection", &fault.Error{Category: fault.Throttle, Status: 429}, store.Owed, 0, false, true},
		{"transient stays owed", &fault.Error{Category: fault.Transient, Status: 503, MaybeDone: true}, store.Owed, 0, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.crm.BeforePush = func(adapters.Request) error { return tc.fault }
			result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
			err := w.Deliver(result.RecordID, "crm", false)
			if tc.fault.Category == fault.Transient && !errors.Is(err, tc.fault) {
				t.Errorf("the job got %v, want the fault, to be tried again", err)
			}
			if got := w.Bundle(result.RecordID).Delivery("crm").State; got != tc.state {
				t.Errorf("the delivery is %s, want %s", got, tc.state)
			}
			letters, err := w.Store.DeadLetters(context.Background(), store.LetterQuery{Connection: "crm", Kinds: model.Kinds(), Limit: 10})
			if err != nil || len(letters) != tc.letters {
				t.Errorf("%d dead letters (%v), want %d", len(letters), err, tc.letters)
			}
			connection, err := w.Store.Connection(context.Background(), "crm")
			if err != nil || connection.Paused() != tc.paused || (connection.Wait > 0) != tc.slowed {
				t.Errorf("the connection is %+v (%v), want paused %v, slowed %v", connection, err, tc.paused, tc.slowed)
			}
		})
	}
}

// A conflict that every new look at the object meets again is given up long before what fails in passing is.
func TestAConflictThatPersistsIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.crm.BeforePush = func(adapters.Request) error {
		return &fault.Error{Category: fault.Conflict, Op: "create customer", Message: "there is one by that name"}
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Work()
	var letters []*store.DeadLetter
	w.Until("it is a dead letter", func() (there bool) {
		var err error
		letters, err = w.Store.DeadLetters(context.Background(), store.LetterQuery{Connection: "crm", Kinds: model.Kinds(), Limit: 10})
		return err == nil && len(letters) == 1
	})
	if l := letters[0]; l.Category != string(fault.Conflict) || l.Attempts != jobs.BoundOf(fault.Conflict).Attempts {
		t.Errorf("given up after %d tries: %s: %s", l.Attempts, l.Category, l.Reason)
	}
}

// Refused attributes are kept at the link with the vendor's reason; the others go through.
func TestRefusedAttributeLeavesTheOthersGoThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Old", "ada@example.com")))
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930555555")))
	refused := 0
	w.crm.BeforePush = func(adapters.Request) error {
		if refused++; refused == 1 {
			return &fault.Error{Category: fault.Permanent, Refused: map[string]string{"phone": "not a number we can call"}}
		}
		return nil
	}
	if err := w.Deliver(result.RecordID, "crm", false); err != nil {
		t.Fatal(err)
	}
	if c := w.crm.Customer("c1"); c.GetName().GetFull() != "Ada" || c.Phone != nil {
		t.Errorf("the crm has %v, want the name without the refused phone", c)
	}
	b := w.Bundle(result.RecordID)
	if got := b.View("crm", "c1").View.Refused["phone"].Reason; got != "not a number we can call" {
		t.Errorf("the refusal is kept as %q", got)
	}
	if b.Delivery("crm").State != store.Settled {
		t.Errorf("the delivery is %s, want settled", b.Delivery("crm").State)
	}
}

// A refusal of something that was not sent can be answered by nothing: it must not be tried for ever.
func TestRefusalOfWhatWasNotSentBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Old", "ada@example.com")))
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.crm.BeforePush = func(adapters.Request) error {
		return &fault.Error{Category: fault.Permanent, Refused: map[string]string{"locale": "unknown"}}
	}
	err := w.Deliver(result.RecordID, "crm", false)
	if b := w.Bundle(result.RecordID); b.Delivery("crm").State != store.Dead || w.crm.Pushes() > 2 {
		t.Errorf("the job ended with %v, the delivery is %s after %d pushes; want it dead after one", err, b.Delivery("crm").State, w.crm.Pushes())
	}
}

// A 404 on a push is news about the link.
func TestObjectThatIsGoneAtAPushChangesItsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Old", "ada@example.com")))
	result := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.crm.BeforePush = func(adapters.Request) error { return &fault.Error{Category: fault.Gone, Status: 404} }
	if err := w.Deliver(result.RecordID, "crm", false); err != nil {
		t.Fatal(err)
	}
	b := w.Bundle(result.RecordID)
	if got := b.Primary("crm").State; got != store.LinkGone {
		t.Errorf("the link is %s, want gone", got)
	}
	if got := b.Delivery("crm").State; got != store.Settled {
		t.Errorf("the delivery is %s, want settled: nothing is there to deliver to", got)
	}
}

// refusing is a vendor that does nothing.
func refusing(adapters.Request) error {
	return &fault.Error{Category: fault.Transient, Op: "push", Message: "down"}
}

// lost is a push whose answer never comes.
func lost(adapters.Request) error { return hubtest.ErrLost() }
