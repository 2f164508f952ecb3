package adaptertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/model"
)

var pushChecks = []check{
	{"PushThenFetchGivesTheSame", needs(adapters.Updates, adapters.Fetches), pushThenFetch},
	{"PushSetsOneAttributeAndNoOther", needs(adapters.Updates, adapters.Fetches), pushSetsOne},
	{"PushClearsOneAttributeAndNoOther", needs(adapters.Updates, adapters.Fetches), pushClearsOne},
	{"UpdateSentTwiceHasTheEffectOfOne", needs(adapters.Updates, adapters.Fetches), updateTwice},
	{"UpdateWhoseAnswerIsLostHasTheEffectOfOne", needs(adapters.Updates, adapters.Fetches), updateAnswerLost},
	{"APushWritesOverNothingUnseen", needs(adapters.Updates, adapters.Fetches), writesOverNothingUnseen},
	{"AnEditDuringAPushIsNotItsAnswer", needs(adapters.Updates, adapters.Fetches), editDuringPush},
	{"PushToAMissingObjectIsGone", needs(adapters.Updates), pushToMissing},
}

// target is an object at the vendor, and the record that it is brought to.
type target struct {
	*stage
	suite    Suite
	carriage adapters.Carriage
	known    *model.Schema
	object   adapters.Object
	paths    []string // all of Out, with the samples' custom attributes
	record   proto.Message
	first    proto.Message
	second   proto.Message
	attempts int
}

// target makes an object that has the second sample.
func (s Suite) target(t testing.TB, c adapters.Carriage) *target {
	t.Helper()
	to := s.seeded(t, c)
	to.push(t, to.paths)
	return to
}

// seeded makes an object that is to have the second sample, and has what a person gave it.
func (s Suite) seeded(t testing.TB, c adapters.Carriage) *target {
	t.Helper()
	to := &target{stage: s.stage(t), suite: s, carriage: c, known: schema(t, c.Kind)}
	to.first, to.second = to.samples(t, c)
	to.paths = expand(to.known, c.Out, to.first, to.second)
	to.object = adapters.Object{Kind: c.Kind, ExternalID: to.Seed(c.Kind)}
	to.record = proto.Clone(to.second)
	return to
}

// patch brings attributes of the object, which was last seen so, to the record; it creates the object where there is none
// yet.
func (to *target) patch(seen adapters.Observation, paths []string) adapters.Patch {
	to.attempts++
	p := adapters.Patch{
		Kind: to.carriage.Kind, RecordID: recordID(to.carriage.Kind), ExternalID: to.object.ExternalID,
		Message: to.record, Held: seen.Message, Paths: paths, Key: fmt.Sprintf("key-%d", to.attempts),
	}
	for _, path := range paths {
		told := seen.Message != nil && lists(to.carriage.In, path) && (seen.Paths == nil || lists(seen.Paths, path))
		if told && to.known.Empty(seen.Message, pathTo(path)) {
			p.HeldEmpty = append(p.HeldEmpty, path)
		}
	}
	return p
}

// unseen is an object of which nothing is known.
var unseen adapters.Observation

// mustSee reads the object.
func (to *target) mustSee(t testing.TB) adapters.Observation {
	t.Helper()
	return to.mustFetch(t, to.object)
}

// push brings attributes to the record, and returns what the object has then.
func (to *target) push(t testing.TB, paths []string) proto.Message {
	t.Helper()
	ack := to.mustPush(t, to.patch(to.mustSee(t), paths))
	to.checkAck(t, ack, to.object)
	return to.mustFetch(t, to.object).Message
}

// checkAck judges an acknowledgement: a snapshot of the object as it now is.
func (to *target) checkAck(t testing.TB, ack adapters.Ack, want adapters.Object) {
	t.Helper()
	o := ack.Observation
	checkObservation(t, to.suite, o)
	if ack.Found || o.Gone || o.Message == nil || want.ExternalID != "" && o.Object != want {
		t.Fatalf("pushed to %v, acknowledged %v, found %v, gone %v, message %v", want, o.Object, ack.Found, o.Gone, o.Message)
	}
	now := to.mustFetch(t, o.Object)
	for _, path := range expand(to.known, to.carriage.In, o.Message, now.Message) {
		if (o.Paths == nil || lists(o.Paths, path)) && !to.known.Equal(o.Message, now.Message, pathTo(path)) {
			t.Errorf("acknowledged %s as %s, a read shows %s", path, text(to.known, o.Message, path), text(to.known, now.Message, path))
		}
	}
}

// has says that the object has the record's attributes.
func (to *target) has(t testing.TB, what string, now proto.Message, paths []string) {
	t.Helper()
	for _, path := range paths {
		if lists(to.carriage.In, path) && !to.known.Equal(to.record, now, pathTo(path)) {
			t.Errorf("%s: %s is %s, want %s", what, path, text(to.known, now, path), text(to.known, to.record, path))
		}
	}
}

// others are the attributes but one.
func (to *target) others(path string) []string {
	return slices.DeleteFunc(slices.Clone(to.paths), func(p string) bool { return p == path })
}

func pushThenFetch(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c) // seeded, and brought to the second sample
		to.has(t, "the second sample", to.mustFetch(t, to.object).Message, to.paths)
		count := to.Count(c.Kind)
		to.record = proto.Clone(to.first)
		to.has(t, "the first sample", to.push(t, to.paths), to.paths)
		if to.Count(c.Kind) != count {
			t.Errorf("an update changed the number of objects from %d to %d", count, to.Count(c.Kind))
		}
	})
}

func pushSetsOne(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		for _, path := range to.paths {
			to.known.Copy(to.record, to.first, pathTo(path))
			now := to.push(t, []string{path})
			to.has(t, "set "+path, now, []string{path})
			to.has(t, "set "+path, now, to.others(path))
		}
	})
}

// An attribute that cannot be cleared is refused by name, or its loss declared; it is not passed over.
func pushClearsOne(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		for _, path := range to.paths {
			to.known.Clear(to.record, pathTo(path))
			cleared, refused := to.tryPush(t, []string{path})
			now := to.mustFetch(t, to.object).Message
			if cleared && lists(c.In, path) && !to.known.Empty(now, pathTo(path)) && !lost(c, path) {
				t.Errorf("cleared %s, acknowledged, and it is %s", path, text(to.known, now, path))
			}
			switch {
			case !cleared && refused == nil:
				continue // told already
			case !cleared && refused.Status != 0 && !lost(c, path):
				t.Errorf("%s is cleared in a way that the vendor refuses: %v; what it cannot have empty is known before it is asked", path, refused)
			}
			to.known.Copy(to.record, to.second, pathTo(path))
			to.has(t, "cleared "+path, now, to.others(path))
			to.push(t, []string{path})
		}
	})
}

// tryPush pushes what may be refused by name.
func (to *target) tryPush(t testing.TB, paths []string) (done bool, refused *fault.Error) {
	t.Helper()
	request, err := to.Pusher.Prepare(to.patch(to.mustSee(t), paths))
	if err == nil {
		var ack adapters.Ack
		if ack, err = to.Pusher.Push(within(t), request); err == nil {
			to.checkAck(t, ack, to.object)
			if _, err := to.Pusher.Push(within(t), request); err != nil { // as where the answer is lost
				t.Errorf("%s was pushed as %s, and pushed again that fails: %v", paths[0], text(to.known, to.record, paths[0]), err)
			}
			return true, nil
		}
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Category == fault.Permanent && f.Refused[paths[0]] != "" {
		return false, f
	}
	t.Errorf("push %v of %s: %v; want it done, or a permanent fault with the path in Refused", paths, text(to.known, to.record, paths[0]), err)
	return false, nil
}

func updateTwice(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		count := to.Count(c.Kind)
		to.record = proto.Clone(to.first)
		request := to.mustPrepare(t, to.patch(to.mustSee(t), to.paths))
		for range 2 {
			ack, err := to.Pusher.Push(within(t), request)
			if err != nil {
				t.Fatalf("push the same request again: %v", err)
			}
			to.checkAck(t, ack, to.object)
		}
		to.has(t, "sent twice", to.mustFetch(t, to.object).Message, to.paths)
		if to.Count(c.Kind) != count {
			t.Errorf("sent twice, and there are %d objects instead of %d", to.Count(c.Kind), count)
		}
	})
}

// The retry changes nothing but what it is told: not what somebody else wrote meanwhile to other attributes, and no
// number of objects.
func updateAnswerLost(t testing.TB, s Suite) {
	for what, lost := range map[string]Fault{"the connection broke": {}, "a proxy answered 502": {Status: 502}} {
		lost.AfterWork, lost.Write = true, true
		s.eachKind(writable, func(c adapters.Carriage) {
			to := s.target(t, c)
			count := to.Count(c.Kind)
			for _, path := range to.paths {
				to.clears(t, path)
			}
			to.record = proto.Clone(to.first)
			request := to.mustPrepare(t, to.patch(to.mustSee(t), to.paths))
			to.inject(lost)
			_, err := to.Pusher.Push(within(t), request)
			if f := faultIn(t, what, err); f.Category != fault.Transient || !f.MaybeDone {
				t.Errorf("%s: %v, maybe done %v; want transient and maybe done", what, err, f.MaybeDone)
			}
			for range 2 {
				ack, err := to.Pusher.Push(within(t), request)
				if err != nil {
					t.Fatalf("%s: the same request again: %v", what, err)
				}
				to.checkAck(t, ack, to.object)
			}
			to.has(t, what, to.mustFetch(t, to.object).Message, to.paths)
			if to.Count(c.Kind) != count {
				t.Errorf("%s: there are %d objects instead of %d", what, to.Count(c.Kind), count)
			}
		})
	}
}

// clears empties one attribute; false where the vendor does not let it.
func (to *target) clears(t testing.TB, path string) bool {
	t.Helper()
	to.known.Clear(to.record, pathTo(path))
	request, err := to.Pusher.Prepare(to.patch(to.mustSee(t), []string{path}))
	if err == nil {
		_, err = to.Pusher.Push(within(t), request)
	}
	return err == nil // what a refusal must look like is PushClearsOneAttributeAndNoOther's
}

// What somebody wrote to an attribute since it was last seen stays, whether it had a value then or was seen to have none,
// and is told as a conflict. Once it is seen, it is the hub's to decide.
func writesOverNothingUnseen(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.seeded(t, c)
		for _, path := range to.paths {
			if !lists(c.In, path) {
				continue // nobody can see it
			}
			to.writesOverUnseen(t, path, "which had a value")
			if to.clears(t, path) {
				to.writesOverUnseen(t, path, "which was empty")
			}
		}
	})
}

// writesOverUnseen tries it: somebody else writes one sample, by the same API and without a look, and we the other.
func (to *target) writesOverUnseen(t testing.TB, path, state string) {
	t.Helper()
	seen, what := to.mustSee(t), fmt.Sprintf("%s of a %s, %s", path, to.carriage.Kind, state)
	other, ours := to.first, to.second
	if to.known.Equal(seen.Message, other, pathTo(path)) {
		other, ours = ours, other
	}
	to.record = proto.Clone(ours)
	request, err := to.Pusher.Prepare(to.patch(seen, []string{path}))
	if err != nil {
		t.Errorf("%s: prepare: %v", what, err)
		return
	}
	to.record = proto.Clone(other)
	if _, err := to.Pusher.Push(within(t), to.mustPrepare(t, to.patch(unseen, []string{path}))); err != nil {
		t.Errorf("%s: somebody else's write: %v", what, err)
		return
	}
	theirs := to.mustSee(t).Message
	if to.known.Equal(theirs, seen.Message, pathTo(path)) || to.known.Equal(theirs, ours, pathTo(path)) {
		t.Errorf("%s: somebody else's write left it at %s", what, text(to.known, theirs, path))
		return
	}
	_, err = to.Pusher.Push(within(t), request)
	if f := fault.As(err); err == nil || f.Category != fault.Conflict || f.MaybeDone {
		t.Errorf("%s: somebody else set it to %s, and a push that does not know that gives %v; want a conflict and nothing done", what, text(to.known, theirs, path), err)
	}
	if now := to.mustSee(t).Message; !to.known.Equal(now, theirs, pathTo(path)) {
		t.Errorf("%s: somebody else set it to %s unseen, and a push made it %s", what, text(to.known, theirs, path), text(to.known, now, path))
	}
	to.record = proto.Clone(ours)
	to.has(t, what+", and was seen to have another", to.push(t, []string{path}), []string{path})
}

// What a person changes while a push is under way is theirs. The acknowledgement has what became of what was pushed: the hub
// takes a difference between the two for the vendor's way of writing it, and would lose the person's word.
func editDuringPush(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		for after := 1; ; after++ {
			to := s.target(t, c)
			before := len(to.calls.made())
			to.record = proto.Clone(to.first)
			request := to.mustPrepare(t, to.patch(unseen, to.paths))
			to.calls.following(after, func() {
				to.clock.forward(2 * time.Second)
				to.Edit(to.object)
				to.clock.forward(2 * time.Second)
			})
			ack, err := to.Pusher.Push(within(t), request)
			what := fmt.Sprintf("edited behind call %d of a push", after)
			switch f := fault.As(err); {
			case err == nil && ack.Observation.Message == nil:
				t.Fatalf("%s: acknowledged without a message", what)
			case err == nil:
				told := slices.DeleteFunc(slices.Clone(to.paths), func(path string) bool {
					return ack.Observation.Paths != nil && !lists(ack.Observation.Paths, path)
				})
				to.has(t, what, ack.Observation.Message, told)
			case f.Category != fault.Conflict && f.Category != fault.Transient:
				t.Errorf("%s: %v, want it done, or to be done again", what, err)
			}
			if after >= len(to.calls.made())-before {
				return
			}
		}
	})
}

func pushToMissing(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		if !to.Delete(to.object) {
			return
		}
		to.record = proto.Clone(to.first)
		_, err := to.Pusher.Push(within(t), to.mustPrepare(t, to.patch(unseen, to.paths)))
		f := faultIn(t, "push to an object that was deleted", err)
		if f.Category != fault.Gone || f.MaybeDone {
			t.Errorf("push to an object that was deleted: %v, maybe done %v; want the category gone", err, f.MaybeDone)
		}
	})
}
