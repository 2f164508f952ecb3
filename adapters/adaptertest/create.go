package adaptertest

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var createChecks = []check{
	{"CreateMakesTheObject", needs(adapters.Creates, adapters.Fetches), createMakes},
	{"CreateLeavesOurRecordID", needs(adapters.Creates, adapters.Fetches), createLeavesRecordID},
	{"FindKnowsNoObjectThatWasNotMade", needs(adapters.Creates), findKnowsNone},
	{"CreateSentTwiceMakesOneObject", needs(adapters.Creates, adapters.Fetches), createTwice},
	{"CreateWhoseAnswerIsLostMakesOneObject", needs(adapters.Creates, adapters.Fetches), createAnswerLost},
	{"CreateThatFailedMakesOneObjectWhenSentAgain", needs(adapters.Creates, adapters.Fetches), createFailed},
}

// creation is a create that is ready to be sent.
type creation struct {
	*target
	request adapters.Request
	before  int
}

func (s Suite) eachCreation(t testing.TB, run func(creation)) {
	t.Helper()
	s.eachKind(creatable, func(c adapters.Carriage) {
		to := &target{stage: s.stage(t), suite: s, carriage: c, known: schema(t, c.Kind)}
		to.first, to.second = to.samples(t, c)
		to.record, to.paths = proto.Clone(to.first), expand(to.known, slices.Concat(c.Out, c.OnCreate), to.first)
		run(creation{to, to.mustPrepare(t, to.patch(unseen, to.paths)), to.Count(c.Kind)})
	})
}

func (c creation) mustCreate(t testing.TB) adapters.Observation {
	t.Helper()
	ack, err := c.Pusher.Push(within(t), c.request)
	if err != nil {
		t.Fatalf("create a %s: %v", c.carriage.Kind, err)
	}
	c.checkAck(t, ack, adapters.Object{})
	return ack.Observation
}

// made says that one object was made, and that it has the record's attributes.
func (c creation) made(t testing.TB, o adapters.Observation) {
	t.Helper()
	if now := c.Count(c.carriage.Kind); now != c.before+1 {
		t.Errorf("there were %d objects, and now there are %d, want one more", c.before, now)
	}
	c.has(t, "created", c.mustFetch(t, o.Object).Message, c.paths)
}

func createMakes(t testing.TB, s Suite) {
	s.eachCreation(t, func(c creation) { c.made(t, c.mustCreate(t)) })
}

func createLeavesRecordID(t testing.TB, s Suite) {
	s.eachCreation(t, func(c creation) {
		made := c.mustCreate(t)
		if now := c.mustFetch(t, made.Object); made.RecordID != c.request.RecordID || now.RecordID != c.request.RecordID {
			t.Errorf("created for record %s; acknowledged with %q, read with %q", c.request.RecordID, made.RecordID, now.RecordID)
		}
		found, err := c.Pusher.Find(within(t), c.request)
		if err != nil || found == nil {
			t.Fatalf("find what was created: %v, %v", found, err)
		}
		checkObservation(t, s, *found)
		if found.Object != made.Object || found.RecordID != c.request.RecordID {
			t.Errorf("created %v, found %v of record %q", made.Object, found.Object, found.RecordID)
		}
	})
}

func findKnowsNone(t testing.TB, s Suite) {
	s.eachCreation(t, func(c creation) {
		c.Seed(c.carriage.Kind)
		if found, err := c.Pusher.Find(within(t), c.request); err != nil || found != nil {
			t.Errorf("nothing was created, and Find gives %v, %v", found, err)
		}
		c.mustCreate(t)
		other := c.request
		other.RecordID = string(c.carriage.Kind) + "_01h455vb4pex5vsknk084sn02r"
		if found, err := c.Pusher.Find(within(t), other); err != nil || found != nil {
			t.Errorf("another record was created, and Find gives %v, %v", found, err)
		}
	})
}

func createTwice(t testing.TB, s Suite) {
	s.eachCreation(t, func(c creation) {
		one, two := c.mustCreate(t), c.mustCreate(t)
		if one.Object != two.Object {
			t.Errorf("sent twice, it made %s and %s", one.ExternalID, two.ExternalID)
		}
		c.made(t, one)
	})
}

// The answer is lost in each way that it can be.
func createAnswerLost(t testing.TB, s Suite) {
	for what, lost := range map[string]Fault{"the connection broke": {}, "a proxy answered 502": {Status: 502}, "a proxy answered 504": {Status: 504}} {
		lost.AfterWork, lost.Write = true, true
		s.eachCreation(t, func(c creation) {
			c.inject(lost)
			_, err := c.Pusher.Push(within(t), c.request)
			if f := faultIn(t, what, err); f.Category != fault.Transient || !f.MaybeDone {
				t.Errorf("%s: %v, maybe done %v; want transient and maybe done", what, err, f.MaybeDone)
			}
			if found, err := c.Pusher.Find(within(t), c.request); err != nil || found == nil {
				t.Errorf("%s: find what was created all the same: %v, %v", what, found, err)
			}
			c.made(t, c.mustCreate(t))
		})
	}
}

func createFailed(t testing.TB, s Suite) {
	for what, failed := range map[string]Fault{"the connection broke": {}, "answered 500": {Status: 500}, "answered 429": {Status: 429}, "answered 503": {Status: 503}} {
		failed.Write = true
		s.eachCreation(t, func(c creation) {
			c.inject(failed)
			_, err := c.Pusher.Push(within(t), c.request)
			faultIn(t, what, err)
			if found, err := c.Pusher.Find(within(t), c.request); err != nil || found != nil {
				t.Errorf("%s: nothing was created, and Find gives %v, %v", what, found, err)
			}
			c.made(t, c.mustCreate(t))
		})
	}
}
