package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

// worldPaths are the attributes that people edit in the world of these tests.
var worldPaths = []model.Path{"email", "phone", "note", "billing_address.line1", "billing_address.city", "custom.tier"}

// script is what happens whether there is a hub or not: vendors, and people who edit in them. A value is given once.
type script struct {
	vendors []*spec
	edits   []edit
}

// spec is one vendor.
type spec struct {
	name    string
	skew    time.Duration // of its clock
	counts  bool          // numbers the states of an object; its clock ticks in whole seconds
	coarse  bool          // its clock ticks in whole seconds, and it has nothing better
	partial bool          // its events tell what changed alone
	shouts  bool          // makes capitals of what it is sent
	lags    bool          // its answers are stamped later than their effect
	carries []model.Path
	initial string
}

// edit is what somebody does in one vendor; an empty text is a clear.
type edit struct {
	vendor int
	path   model.Path
	text   string
}

func drawScript(t *rapid.T, coarse bool) *script {
	s := &script{}
	given := 0
	fresh := func(name string) string { given++; return fmt.Sprintf("%s%d", name, given) }
	own := map[string]bool{} // what the vendor's own people left there
	for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(2, 3).Draw(t, "vendors")] {
		v := &spec{name: name, coarse: coarse}
		v.skew = time.Duration(rapid.IntRange(-6, 6).Draw(t, "skew")) * time.Second
		v.counts = !coarse && rapid.IntRange(0, 3).Draw(t, "counts") == 0
		v.partial, v.shouts, v.lags = rapid.Bool().Draw(t, "partial"), rapid.Bool().Draw(t, "shouts"), rapid.Bool().Draw(t, "lags")
		for _, path := range worldPaths {
			if rapid.IntRange(0, 4).Draw(t, "carries") == 0 {
				continue
			}
			v.carries = append(v.carries, path)
			if rapid.Bool().Draw(t, "has") {
				v.initial += fmt.Sprintf("%s=%s ", path, fresh(name))
				own[name+string(path)] = true
			}
		}
		s.vendors = append(s.vendors, v)
	}
	for range rapid.IntRange(0, 12).Draw(t, "edits") {
		e := edit{vendor: rapid.IntRange(0, len(s.vendors)-1).Draw(t, "at")}
		v := s.vendors[e.vendor]
		if len(v.carries) == 0 {
			continue
		}
		e.path = rapid.SampledFrom(v.carries).Draw(t, "edited")
		key := v.name + string(e.path)
		if !own[key] || rapid.IntRange(0, 3).Draw(t, "set") > 0 {
			e.text = fresh(v.name)
		}
		own[key] = e.text != ""
		s.edits = append(s.edits, e)
	}
	return s
}

// drawRules draws a policy over all that people edit.
func drawRules(t *rapid.T, s *script) map[string]*configv1.Rule {
	var names []string
	for _, v := range s.vendors {
		names = append(names, v.name)
	}
	draw := func() *configv1.Rule {
		some := rapid.Permutation(names).Draw(t, "order")[:rapid.IntRange(1, len(names)).Draw(t, "named")]
		switch rapid.IntRange(0, 4).Draw(t, "mode") {
		case 0:
			return &configv1.Rule{Authority: some[0]}
		case 1:
			return &configv1.Rule{Prefer: some}
		case 2:
			return &configv1.Rule{First: some}
		case 3:
			return &configv1.Rule{Majority: some}
		}
		return &configv1.Rule{Latest: some}
	}
	all := map[string]*configv1.Rule{"*": draw()}
	for _, path := range []string{"email", "phone", "note", "billing_address", "billing_address.*", "billing_address.city", "custom.tier"} {
		if rapid.Bool().Draw(t, "rule for "+path) {
			all[path] = draw()
		}
		if path != "email" && path != "billing_address.*" && rapid.IntRange(0, 4).Draw(t, path+" follows") == 0 {
			all[path] = &configv1.Rule{Follow: "email"}
		}
	}
	if rapid.Bool().Draw(t, "filter") {
		all["*"].Unless = "source == '" + names[0] + "'"
	}
	return all
}

// compileRules makes a policy in which every vendor is a target.
func compileRules(t *rapid.T, s *script, all map[string]*configv1.Rule) *policy.Kind {
	targets := map[string]*configv1.Target{}
	for _, v := range s.vendors {
		targets[v.name] = &configv1.Target{Attributes: []string{"*"}}
	}
	p, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Attributes: all, Targets: targets}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p.Kind(model.Customer)
}

// hub says what a hub does between the edits of a script.
type hub struct {
	shuffles   bool // events come late, twice and in any order; else at once and once
	reads      bool
	looks      bool // folds and stores in between
	delivers   bool // what is owed
	interferes bool // pushes any value to anybody
}

// world is one run of a script under one policy with one hub.
type world struct {
	t       *rapid.T
	s       *script
	k       *policy.Kind
	hub     hub
	now     int // milliseconds
	given   int
	vendors []*vendor
}

// vendor is a vendor's one object, and the hub's view of it.
type vendor struct {
	*spec
	w       *world
	object  *canonicalv1.Customer
	version int64
	updated view.Stamp

	outbox []view.Observation // events that have not arrived
	past   []view.Observation // events that have
	view   *view.View
	taken  []view.Stamp // of what the view took
}

func live(t *rapid.T, s *script, k *policy.Kind, h hub) *world {
	w := &world{t: t, s: s, k: k, hub: h}
	for _, spec := range s.vendors {
		v := &vendor{spec: spec, w: w, object: customer(spec.initial), view: view.New(schema)}
		w.vendors = append(w.vendors, v)
		w.now++
		v.updated = v.tick()
		v.outbox = append(v.outbox, v.snapshot())
	}
	for i, e := range s.edits {
		w.idle()
		w.now = (i + 1) * 1000
		if e.vendor >= 0 {
			w.vendors[e.vendor].edit(e)
		}
	}
	w.idle()
	w.drain()
	return w
}

// idle lets the hub do this and that.
func (w *world) idle() {
	if !w.hub.shuffles {
		w.drain()
	}
	for range rapid.IntRange(0, 4).Draw(w.t, "idle") {
		v := rapid.SampledFrom(w.vendors).Draw(w.t, "with")
		switch rapid.IntRange(0, 6).Draw(w.t, "does") {
		case 0, 1:
			v.arrive()
		case 2:
			v.again()
		case 3:
			v.read()
		case 4:
			w.look(v)
		case 5:
			v.deliver()
		case 6:
			v.interfere()
		}
	}
}

// drain lets all events arrive.
func (w *world) drain() {
	for _, v := range w.vendors {
		for len(v.outbox) > 0 {
			v.arrive()
		}
	}
}

func (w *world) look(v *vendor) {
	if !w.hub.looks {
		return
	}
	w.resolve()
	stored, err := v.view.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	if v.view, err = view.Decode(schema, stored); err != nil {
		w.t.Fatal(err)
	}
}

// sources are the views as Resolve reads them; the first vendor made the record.
func (w *world) sources() []policy.Source {
	var all []policy.Source
	for i, v := range w.vendors {
		if len(v.taken) > 0 {
			all = append(all, policy.Source{Name: v.name, ExternalID: "1", State: v.view.State(), Creator: i == 0})
		}
	}
	return all
}

func (w *world) resolve() *policy.Resolution { return w.k.Resolve(w.sources()) }

// tick is the place of a new state of the vendor's object.
func (v *vendor) tick() view.Stamp {
	stamp := view.Stamp{Time: time.Unix(1_000_000, 0).UTC().Add(v.skew + time.Duration(v.w.now)*time.Millisecond)}
	if v.counts || v.coarse {
		stamp.Time = stamp.Time.Truncate(time.Second)
	}
	if v.counts {
		v.version++
		stamp.Version = v.version
	}
	return stamp
}

func (v *vendor) snapshot() view.Observation {
	return view.Observation{Stamp: v.updated, Message: proto.Clone(v.object), Paths: v.speaks(), Snapshot: true}
}

// speaks is what snapshots speak of: some adapters name custom attributes, others take all there are.
func (v *vendor) speaks() []model.Path {
	paths := slices.Clone(v.carries)
	if at := slices.Index(paths, "custom.tier"); at >= 0 && v.shouts {
		paths[at] = "custom.*"
	}
	return paths
}

// changed emits the event of a change.
func (v *vendor) changed(paths []model.Path) {
	v.updated = v.tick()
	o := v.snapshot()
	if v.partial {
		o.Snapshot, o.Paths = false, paths
	}
	v.outbox = append(v.outbox, o)
}

func (v *vendor) edit(e edit) {
	schema.Clear(v.object, e.path)
	if e.text != "" {
		modeltest.SetText(v.object, e.path, e.text)
	}
	v.changed([]model.Path{e.path})
}

// arrive lets one event arrive: the first, or any.
func (v *vendor) arrive() {
	if len(v.outbox) == 0 {
		return
	}
	next := 0
	if v.w.hub.shuffles {
		next = rapid.IntRange(0, len(v.outbox)-1).Draw(v.w.t, "arrives")
		most := 3 // the view keeps eight: none may be overtaken by more
		for i, o := range v.outbox {
			if n := v.overtaken(o); n > most {
				next, most = i, n
			}
		}
	}
	o := v.outbox[next]
	v.outbox = slices.Delete(v.outbox, next, next+1)
	v.past = append(v.past, o)
	v.take(o)
}

// hurry lets all events arrive that would else be overtaken by too many.
func (v *vendor) hurry() {
	for slices.ContainsFunc(v.outbox, func(o view.Observation) bool { return v.overtaken(o) >= 4 }) {
		v.arrive()
	}
}

func (v *vendor) overtaken(o view.Observation) int {
	n := 0
	for _, stamp := range v.taken {
		if stamp.Compare(o.Stamp) > 0 {
			n++
		}
	}
	return n
}

// take does what the hub does with an observation: what it cannot order, it fetches.
func (v *vendor) take(o view.Observation) view.Outcome {
	outcome := v.view.Observe(o)
	switch outcome {
	case view.Applied:
		v.taken = append(v.taken, o.Stamp)
	case view.Ambiguous:
		if !v.coarse {
			v.w.t.Fatalf("%s: the event at %s is ambiguous", v.name, o.Stamp)
		}
		v.fetch()
	case view.Stale:
		if !slices.ContainsFunc(v.past[:max(0, len(v.past)-1)], func(p view.Observation) bool { return p.Stamp == o.Stamp }) {
			v.w.t.Fatalf("%s: the event at %s is stale; taken %v; newest %s", v.name, o.Stamp, v.taken, v.view.Newest())
		}
	}
	return outcome
}

// again delivers an event a second time.
func (v *vendor) again() {
	if !v.w.hub.shuffles || len(v.past) == 0 {
		return
	}
	o := rapid.SampledFrom(v.past).Draw(v.w.t, "again")
	outcome := v.view.Observe(o)
	switch {
	case outcome == view.Applied:
		v.w.t.Fatalf("%s: the event at %s is applied a second time", v.name, o.Stamp)
	case outcome == view.Ambiguous:
		v.fetch()
	}
}

func (v *vendor) read() {
	if v.w.hub.reads && len(v.taken) > 0 {
		v.hurry()
		v.fetch()
	}
}

func (v *vendor) fetch() {
	o := v.snapshot()
	o.Read = true
	if v.view.Observe(o) == view.Applied {
		v.taken = append(v.taken, v.view.Newest())
	}
}

// owed is what the vendor is to be brought to.
func (v *vendor) owed(r *policy.Resolution) []model.Path {
	return v.w.k.Diff(r, v.view, v.w.k.Target(v.name), v.carries)
}

func (v *vendor) deliver() {
	if !v.w.hub.delivers || len(v.taken) == 0 {
		return
	}
	r := v.w.resolve()
	v.push(r.Message, slices.DeleteFunc(v.owed(r), func(path model.Path) bool {
		return schema.Empty(r.Message, path) && v.w.s.clears(v.name, path)
	}))
}

// clears says that somebody clears the attribute at the vendor. Were we to clear it before, that would be no edit.
func (s *script) clears(vendor string, path model.Path) bool {
	return slices.ContainsFunc(s.edits, func(e edit) bool {
		return e.vendor >= 0 && s.vendors[e.vendor].name == vendor && e.path == path && e.text == ""
	})
}

// interfere pushes something that no record says.
func (v *vendor) interfere() {
	if !v.w.hub.interferes || len(v.taken) == 0 || len(v.carries) == 0 {
		return
	}
	message := &canonicalv1.Customer{}
	var paths []model.Path
	for _, path := range v.carries {
		if rapid.Bool().Draw(v.w.t, "interferes") {
			v.w.given++
			modeltest.SetText(message, path, fmt.Sprintf("hub%d", v.w.given))
			paths = append(paths, path)
		}
	}
	v.push(message, paths)
}

// push brings the object to the message; the answer is stored after up to two events have arrived.
func (v *vendor) push(message proto.Message, paths []model.Path) {
	if len(paths) == 0 {
		return
	}
	v.hurry()
	after := v.view.Newest()
	v.w.now++
	for _, path := range paths {
		schema.Copy(v.object, message, path)
		if v.shouts && !schema.Empty(message, path) {
			modeltest.SetText(v.object, path, strings.ToUpper(textAt(message, path)))
		}
	}
	v.changed(paths)
	answer := view.Delivery{After: after, Stamp: v.updated, Sent: proto.Clone(message), Paths: paths, Held: proto.Clone(v.object), HeldPaths: v.speaks()}
	if v.lags && !v.counts && !v.coarse {
		v.w.now++
		answer.Stamp = v.tick()
	}
	if v.w.hub.shuffles && !v.coarse {
		for range rapid.IntRange(0, 2).Draw(v.w.t, "meanwhile") {
			v.arrive()
		}
	}
	v.view.Deliver(answer)
	v.taken = append(v.taken, v.view.Newest())
}
