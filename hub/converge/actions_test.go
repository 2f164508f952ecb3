package converge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// actions are what may happen next, by how often it does.
var actions = func() []string {
	var all []string
	for _, a := range []struct {
		name  string
		times int
	}{{"edit", 7}, {"hear", 8}, {"work", 8}, {"go on", 4}, {"write", 3}, {"order", 2}, {"wait", 2}, {"trouble", 2}, {"crash", 1}, {"delete", 1},
		{"return", 1}, {"join", 1}, {"merge", 2}, {"part", 1}, {"link", 1}, {"unlink", 1}, {"decide", 1}, {"judge", 1}, {"policy", 1}, {"remove", 1}} {
		for range a.times {
			all = append(all, a.name)
		}
	}
	return all
}()

// act lets one thing happen.
func (w *world) act(t *rapid.T) {
	w.t = t
	switch what := rapid.SampledFrom(actions).Draw(t, "what"); what {
	case "edit":
		w.edit(model.Customer)
	case "order":
		w.edit(model.Order)
	case "hear":
		w.hear()
	case "work":
		w.workOn()
	case "go on":
		w.goOn()
	case "write":
		w.write()
	case "wait":
		w.wait(rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, 2 * time.Hour}).Draw(t, "how long"))
	case "trouble":
		w.trouble()
	case "crash":
		w.crashOne()
	case "delete":
		w.delete()
	case "return":
		w.restore()
	case "join":
		w.joinAtVendor()
	case "policy":
		w.activate()
	default:
		w.people(t, what)
	}
}

// pick is one of a list, where it has any; the last one first, so that a story is the same without what came before.
func pick[T any](w *world, from []T, what string) (one T, some bool) {
	if len(from) == 0 {
		return one, false
	}
	return from[len(from)-1-rapid.IntRange(0, len(from)-1).Draw(w.t, what)], true
}

// edit is what people at a vendor do: they make an object, or change one.
func (w *world) edit(kind model.Kind) {
	v, _ := pick(w, w.vendors, "where")
	if len(v.carries[kind]) == 0 {
		return
	}
	var living []*object
	for _, o := range v.objects {
		if o.Kind == adapters.Kind(kind) && !o.gone {
			living = append(living, o)
		}
	}
	n := rapid.IntRange(0, len(living)).Draw(w.t, "object")
	if n == len(living) && n < 4 {
		o := v.make(kind, "")
		w.change(v, o, rapid.IntRange(1, 4).Draw(w.t, "attributes"))
		w.say("%s has a new %s %s: %s", v, kind, o.ExternalID, tell(o.message))
		return
	}
	o := living[n%len(living)]
	w.change(v, o, rapid.IntRange(1, 2).Draw(w.t, "attributes"))
	w.say("at %s somebody edits %s: %s", v, o.ExternalID, tell(o.message))
}

// change sets some attributes of an object.
func (w *world) change(v *vendor, o *object, n int) {
	kind := model.Kind(o.Kind)
	values := map[model.Path]string{}
	for range n {
		path := rapid.SampledFrom(v.carries[kind]).Draw(w.t, "attribute")
		values[path] = w.value(v.tag, path, v)
	}
	v.edit(o, values)
}

// value draws a value that somebody types.
func (w *world) value(tag string, path model.Path, v *vendor) string {
	how := rapid.IntRange(0, 7).Draw(w.t, "value")
	if path == "customer" {
		return w.reference(v)
	}
	w.values++
	value := fmt.Sprint(tag, w.values)
	switch {
	case how < 3:
	case how < 5:
		value = fmt.Sprint("x", rapid.IntRange(1, 3).Draw(w.t, "shared"))
	case how == 5:
		value = strings.ToUpper(value)
		if path != "email" {
			value += " "
		}
	case how == 6:
		return none
	}
	switch path {
	case "email":
		return value + "@x.example"
	case "tags":
		return fmt.Sprintf("%s,t%d", strings.TrimSpace(value), how)
	}
	return value
}

// reference draws a customer of a vendor's; for a caller, v is nil, a record.
func (w *world) reference(v *vendor) string {
	var ids []string
	if v == nil {
		for _, id := range w.records(model.Customer) {
			ids = append(ids, string(id))
		}
	} else {
		for _, o := range v.objects {
			if o.Kind == "customer" {
				ids = append(ids, string(o.ExternalID))
			}
		}
	}
	if id, some := pick(w, ids, "customer"); some {
		return id
	}
	return none
}

// records lists the ids of a kind, merged ones included.
func (w *world) records(kind model.Kind) []store.RecordID {
	var ids []store.RecordID
	w.facts.records.each(func(id store.RecordID, r store.Record) {
		if r.Kind == kind {
			ids = append(ids, id)
		}
	})
	return ids
}

// undelivered are the events that wait to be delivered.
func (w *world) undelivered() []*event {
	var waiting []*event
	for _, v := range w.vendors {
		for _, e := range v.sent {
			if !e.delivered {
				waiting = append(waiting, e)
			}
		}
	}
	return waiting
}

// hear delivers an event: in any order, twice, or not at all.
func (w *world) hear() {
	e, some := pick(w, w.undelivered(), "event")
	if !some {
		return
	}
	switch rapid.IntRange(0, 9).Draw(w.t, "delivery") {
	default:
		w.deliver(e, "told")
	case 7:
		w.deliver(e, "told")
		e.delivered = false // and once more, later
	case 8, 9:
		w.say("event %s is lost", e)
		e.delivered, e.object.blurred = true, true
	}
	if !oneIn(w.t, 3, "waits") {
		w.workOn()
	}
}

func (e *event) String() string {
	told := tell(e.told.Message)
	if e.told.Gone {
		told = "gone " + string(e.told.MergedInto)
	}
	return fmt.Sprintf("%s/%d (%s: %s)", e.vendor, e.number, e.object.ExternalID, told)
}

// deliver makes a receipt of an event. A pulled one says only that the object is there.
func (w *world) deliver(e *event, how string) {
	id := fmt.Sprintf("receipt %d", w.facts.next())
	e.delivered = true
	w.aside("event %s is %s: %s", e, how, id)
	w.facts.put(func(t *tx) {
		t.receipts.put(t, id, receiptRow{Receipt: store.Receipt{ID: id, Connection: e.vendor.name, EventKey: id, Type: how, OccurredAt: e.told.At,
			Body: fmt.Append(nil, e.number), CorrelationID: id, ReceivedAt: w.now, State: "pending"}})
		t.jobs.put(t, w.facts.next(), job{receipt: id, runAt: w.now})
	})
}

// blur notes that not all that a receipt's object said reaches the hub as it was said.
func (w *world) blur(r *store.Receipt) {
	v := w.vendor(r.Connection)
	var number int
	if err := json.Unmarshal(r.Body, &number); err != nil {
		w.t.Fatal(err)
	}
	v.sent[number].object.blurred = true
}

// workOn lets a hub work on a job, to its end or not.
func (w *world) workOn() {
	due := w.facts.due()
	if len(due) == 0 {
		return
	}
	id, _ := pick(w, due, "job")
	h, _ := pick(w, w.hubs, "hub")
	w.advance(w.work(h, id))
}

// goOn lets a task go on.
func (w *world) goOn() {
	if t, some := pick(w, w.tasks, "task"); some {
		w.advance(t)
	}
}

// advance lets a task do some of its steps.
func (w *world) advance(t *task) {
	how := rapid.IntRange(0, 9).Draw(w.t, "steps")
	switch {
	case how < 5:
		w.say("%s: %s", t.hub.name, t)
		w.finish(t)
	case how == 9:
		w.say("%s: %s, and crashes before it commits", t.hub.name, t)
		w.crashIn(t)
	default:
		w.say("%s: %s, and %d steps on", t.hub.name, t, how-3)
		for range how - 3 {
			if w.step(t) {
				return
			}
		}
		w.say("  %s", t)
	}
}

func (w *world) wait(d time.Duration) {
	w.say("%s pass", d)
	w.now = w.now.Add(d)
}

func (w *world) trouble() {
	v, _ := pick(w, w.vendors, "whose")
	what := rapid.SampledFrom([]trouble{lost, vanished, down, throttled, conflicts}).Draw(w.t, "trouble")
	times := rapid.SampledFrom([]int{1, 1, 2, maxTries}).Draw(w.t, "times")
	w.say("%s soon %s, %d times", v, what, times)
	v.trouble = append(v.trouble, slices.Repeat([]trouble{what}, times)...)
}

func (w *world) crashOne() {
	h, _ := pick(w, w.hubs, "hub")
	w.say("%s crashes", h.name)
	w.crash(h)
}

// object draws an object that is there, or is gone.
func (w *world) anObject(gone bool) (*vendor, *object) {
	v, _ := pick(w, w.vendors, "where")
	var some []*object
	for _, o := range v.objects {
		if o.gone == gone && o.mergedInto == "" {
			some = append(some, o)
		}
	}
	o, _ := pick(w, some, "object")
	return v, o
}

func (w *world) delete() {
	if v, o := w.anObject(false); o != nil {
		v.remove(o, "")
		w.say("at %s somebody deletes %s", v, o.ExternalID)
	}
}

func (w *world) restore() {
	if v, o := w.anObject(true); o != nil {
		v.restore(o)
		w.say("at %s somebody brings %s back: %s", v, o.ExternalID, tell(o.message))
	}
}

// joinAtVendor merges two objects of a vendor.
func (w *world) joinAtVendor() {
	v, o := w.anObject(false)
	if o == nil {
		return
	}
	for _, other := range v.objects {
		if other != o && other.Kind == o.Kind && !other.gone {
			v.remove(o, other.ExternalID)
			w.say("at %s somebody merges %s into %s", v, o.ExternalID, other.ExternalID)
			return
		}
	}
}
