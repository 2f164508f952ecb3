package converge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// trouble is what goes wrong with a call.
type trouble string

const (
	throttled trouble = "throttles"         // asks for patience
	down      trouble = "is down"           // does nothing, and says so
	lost      trouble = "loses the answer"  // does it, and the answer never comes
	vanished  trouble = "loses the request" // does not do it, and nobody knows
	conflicts trouble = "sees a conflict"   // does nothing: the object is not what was thought
)

// vendor is one system in memory, at the adapters' seam.
type vendor struct {
	w    *world
	name string
	tag  string // what its own people's values begin with

	skew    time.Duration // of its clock
	coarse  bool          // its clock ticks in whole seconds
	counts  bool          // numbers the states of an object
	thin    bool          // its events tell that something changed, not what
	partial bool          // its events tell what changed alone
	lower   bool          // makes small letters of what it is sent
	trims   bool          // cuts blanks off it
	unique  bool          // has one customer for an e-mail address
	forgets bool          // idempotency keys expire at once
	creates bool
	carries map[model.Kind][]model.Path
	takes   map[model.Kind][]model.Path // what can be written
	refuses map[model.Path]string       // a part of values that it does not take; "" refuses to be cleared
	undoes  map[model.Path]string       // an automation there sets these again whenever we write them

	objects []*object
	keys    map[string]adapters.Ack // what was answered, by idempotency key
	sent    []*event
	trouble []trouble
	made    int
	pushes  int
}

// object is what a vendor has.
type object struct {
	adapters.Object
	message    proto.Message
	at         time.Time
	version    int64
	recordID   string
	gone       bool
	mergedInto adapters.ExternalID
	// own is what its own people said of each attribute last.
	own map[model.Path]*word
	// blurred says that what its people said cannot be known for certain: an event of it was lost.
	blurred bool
}

// word is what a vendor's own people said of one attribute.
type word struct {
	text    string
	at      time.Time
	version int64
	// typed is all that they ever said; given all that the hub ever brought.
	typed, given map[string]bool
}

// event is what a vendor tells of a change.
type event struct {
	number    int
	vendor    *vendor
	object    *object
	told      adapters.Observation
	delivered bool
}

func (v *vendor) String() string { return v.name }

// clock is what the vendor's clock shows.
func (v *vendor) clock() time.Time {
	v.w.tick()
	at := v.w.now.Add(v.skew)
	if v.coarse {
		at = at.Truncate(time.Second)
	}
	return at
}

func (v *vendor) object(kind model.Kind, id adapters.ExternalID) *object {
	for _, o := range v.objects {
		if o.Kind == adapters.Kind(kind) && o.ExternalID == id {
			return o
		}
	}
	return nil
}

// key names an object as the hub does.
func (v *vendor) key(o *object) store.LinkKey {
	return store.LinkKey{Connection: v.name, Kind: model.Kind(o.Kind), ExternalID: string(o.ExternalID)}
}

// make makes an object without anything in it.
func (v *vendor) make(kind model.Kind, recordID string) *object {
	v.made++
	o := &object{Object: adapters.Object{Kind: adapters.Kind(kind), ExternalID: adapters.ExternalID(fmt.Sprintf("%s-%d", v.tag, v.made))},
		message: model.For(kind).New(), recordID: recordID, own: map[model.Path]*word{}}
	v.objects = append(v.objects, o)
	return o
}

// word is what is known of an attribute.
func (o *object) word(path model.Path) *word {
	if o.own[path] == nil {
		o.own[path] = &word{typed: map[string]bool{}, given: map[string]bool{}}
	}
	return o.own[path]
}

// stamp counts a state of an object.
func (v *vendor) stamp(o *object) {
	o.at = v.clock()
	if v.counts {
		o.version++
	}
}

// edit is what the vendor's own people do: values by attribute, "-" for none.
func (v *vendor) edit(o *object, values map[model.Path]string) {
	v.stamp(o)
	var changed []string
	for _, path := range sorted(values) {
		before := text(o.message, path)
		setText(o.message, path, v.normal(values[path]))
		now := text(o.message, path)
		if word := o.word(path); now != before {
			word.text, word.at, word.version = now, o.at, o.version
			word.typed[now] = true
			changed = append(changed, string(path))
		}
	}
	v.tell(o, changed)
}

// normal is a value as the vendor keeps it.
func (v *vendor) normal(value string) string {
	if v.lower {
		value = strings.ToLower(value)
	}
	if v.trims {
		value = strings.TrimSpace(value)
	}
	return value
}

// remove deletes an object; into is the one that it was merged into, if it was.
func (v *vendor) remove(o *object, into adapters.ExternalID) {
	v.w.now = v.w.now.Add(time.Second) // a delete outranks what is of its very second
	v.stamp(o)
	o.gone, o.mergedInto = true, into
	v.tell(o, nil)
}

// restore brings a deleted object back as it was.
func (v *vendor) restore(o *object) {
	v.w.now = v.w.now.Add(time.Second)
	v.stamp(o)
	o.gone, o.mergedInto = false, ""
	v.tell(o, nil)
}

// tell makes an event of an object's state.
func (v *vendor) tell(o *object, changed []string) {
	e := &event{number: len(v.sent), vendor: v, object: o, told: v.observation(o)}
	if v.partial && !o.gone && len(changed) > 0 {
		e.told.Paths = changed
	}
	v.sent = append(v.sent, e)
}

// observation is an object as it is.
func (v *vendor) observation(o *object) adapters.Observation {
	seen := adapters.Observation{Object: o.Object, At: o.at, Version: o.version, RecordID: o.recordID, Raw: []byte(`{}`)}
	if o.gone {
		seen.Gone, seen.MergedInto = true, o.mergedInto
		return seen
	}
	seen.Message = model.For(model.Kind(o.Kind)).New()
	for _, path := range v.carries[model.Kind(o.Kind)] {
		model.For(model.Kind(o.Kind)).Copy(seen.Message, o.message, path)
	}
	return seen
}

// Translate reads an event.
func (v *vendor) Translate(e adapters.Event) (adapters.Translation, error) {
	var number int
	if err := json.Unmarshal(e.Body, &number); err != nil {
		return adapters.Translation{}, err
	}
	told := v.sent[number]
	if v.thin || e.Type == "pulled" {
		return adapters.Translation{Fetch: []adapters.Object{told.object.Object}}, nil
	}
	said := told.told
	if said.Message != nil {
		said.Message = proto.Clone(said.Message)
	}
	return adapters.Translation{Observations: []adapters.Observation{said}}, nil
}

// Fetch reads an object.
func (v *vendor) Fetch(_ context.Context, what adapters.Object) (adapters.Observation, error) {
	v.w.point("before a read")
	if err := v.fails("fetch", false); err != nil {
		return adapters.Observation{}, err
	}
	o := v.object(model.Kind(what.Kind), what.ExternalID)
	if o == nil {
		return adapters.Observation{}, &fault.Error{Category: fault.Gone, Op: "fetch"}
	}
	seen := v.observation(o)
	if !v.w.quiet {
		v.w.say("  %s is asked for %s and says %s", v, o.ExternalID, tellObject(o))
	}
	v.w.point("before the answer to a read")
	return seen, nil
}

// fails says what goes wrong with a call; done that the work was done already.
func (v *vendor) fails(op string, done bool) error {
	if len(v.trouble) == 0 || done != (v.trouble[0] == lost) {
		return nil
	}
	next := v.trouble[0]
	v.trouble = v.trouble[1:]
	v.w.say("  %s %s", v, next)
	f := &fault.Error{Category: fault.Transient, Op: op, Message: string(next)}
	switch next {
	case throttled:
		f.Category, f.RetryAfter = fault.Throttle, 2*time.Second
	case conflicts:
		f.Category = fault.Conflict
	case lost, vanished:
		f.MaybeDone = true
	}
	return f
}

// Prepare freezes a patch.
func (v *vendor) Prepare(p adapters.Patch) (adapters.Request, error) {
	message, err := proto.Marshal(p.Message)
	if err != nil {
		return adapters.Request{}, err
	}
	body, err := json.Marshal(frozen{Paths: p.Paths, Message: message})
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, err
}

type frozen struct {
	Paths   []string
	Message []byte
}

// Push writes an object.
func (v *vendor) Push(_ context.Context, r adapters.Request) (adapters.Ack, error) {
	v.w.point("before a push")
	v.pushes++
	if err := v.fails("push", false); err != nil {
		return adapters.Ack{}, err
	}
	ack, err := v.write(r)
	if err == nil {
		err = v.fails("push", true)
	}
	v.w.point("before the answer to a push")
	return ack, err
}

func (v *vendor) write(r adapters.Request) (adapters.Ack, error) {
	kind := model.Kind(r.Kind)
	if ack, seen := v.keys[r.Key]; seen {
		return ack, nil
	}
	var f frozen
	if err := json.Unmarshal(r.Body, &f); err != nil {
		return adapters.Ack{}, err
	}
	sent := model.For(kind).New()
	if err := proto.Unmarshal(f.Message, sent); err != nil {
		return adapters.Ack{}, err
	}
	if err := v.refusal(sent, f.Paths); err != nil {
		v.w.say("  %s refuses %v", v, err.Refused)
		return adapters.Ack{}, err
	}
	o := v.object(kind, r.ExternalID)
	switch {
	case r.ExternalID != "" && (o == nil || o.gone):
		return adapters.Ack{}, &fault.Error{Category: fault.Gone, Op: "push", Status: 404}
	case o == nil:
		if twin := v.twin(kind, sent); twin != nil {
			v.w.say("  %s has %s already", v, twin.ExternalID)
			return adapters.Ack{Observation: v.observation(twin), Found: true}, nil
		}
		o = v.make(kind, r.RecordID)
	}
	v.take(o, sent, f.Paths)
	ack := adapters.Ack{Observation: v.observation(o)}
	if !v.forgets {
		v.keys[r.Key] = ack
	}
	v.automate(o, f.Paths)
	return ack, nil
}

// take brings an object to what it is sent.
func (v *vendor) take(o *object, sent proto.Message, paths []string) {
	v.stamp(o)
	schema := model.For(model.Kind(o.Kind))
	var told []string
	for _, p := range paths {
		path := model.Path(p)
		schema.Copy(o.message, sent, path)
		if isText(path) && !schema.Empty(o.message, path) {
			setText(o.message, path, v.normal(text(o.message, path)))
		}
		if path == "customer" {
			own(o.message)
		}
		o.word(path).given[text(o.message, path)] = true
		told = append(told, fmt.Sprintf("%s=%q", path, text(o.message, path)))
	}
	v.w.say("  %s takes %s: %s", v, o.ExternalID, strings.Join(told, " "))
	v.tell(o, paths)
}

// automate does what an automation there does to what the hub wrote.
func (v *vendor) automate(o *object, written []string) {
	values := map[model.Path]string{}
	for path, value := range v.undoes {
		if slices.Contains(written, string(path)) && text(o.message, path) != v.normal(value) {
			values[path] = value
		}
	}
	if len(values) > 0 {
		v.w.say("  an automation at %s sets %v", v, values)
		v.edit(o, values)
	}
}

// refusal says which values the vendor does not take.
func (v *vendor) refusal(sent proto.Message, paths []string) *fault.Error {
	refused := map[string]string{}
	for _, path := range paths {
		if v.refused(sent, model.Path(path)) {
			refused[path] = "not so here"
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return &fault.Error{Category: fault.Permanent, Op: "push", Status: 422, Refused: refused}
}

func (v *vendor) refused(m proto.Message, path model.Path) bool {
	part, some := v.refuses[path]
	value := text(m, path)
	return some && (part == "" && value == none || part != "" && strings.Contains(strings.ToLower(value), part))
}

// twin is the customer who has the e-mail address already, where the vendor allows one.
func (v *vendor) twin(kind model.Kind, sent proto.Message) *object {
	email := text(sent, "email")
	if !v.unique || kind != model.Customer || email == none {
		return nil
	}
	for _, o := range v.objects {
		if !o.gone && o.Kind == adapters.Kind(kind) && strings.EqualFold(strings.TrimSpace(text(o.message, "email")), strings.TrimSpace(email)) {
			return o
		}
	}
	return nil
}

// Find looks for an object by our id.
func (v *vendor) Find(_ context.Context, r adapters.Request) (*adapters.Observation, error) {
	v.w.point("before a search")
	if err := v.fails("find", false); err != nil {
		return nil, err
	}
	for _, o := range v.objects {
		if o.recordID == r.RecordID && o.Kind == r.Kind && !o.gone {
			seen := v.observation(o)
			v.w.say("  %s finds %s", v, o.ExternalID)
			o.blurred = true // what its people said since cannot be told from the vendor's form of what was sent
			return &seen, nil
		}
	}
	return nil, nil
}
