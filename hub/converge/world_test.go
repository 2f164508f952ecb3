package converge_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/deliver"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/translate"
)

// world is one history: vendors, callers, people, and hubs over one set of facts.
type world struct {
	t       *rapid.T
	now     time.Time
	facts   *facts
	hubs    []*hub
	vendors []*vendor
	callers []string

	connections connection.Set
	compiled    map[int]*apply.Active
	tasks       []*task
	running     *task
	waits       map[string]time.Time
	asked       []*request
	// said is what callers said of records, as far as it was committed.
	said map[viewKey]map[model.Path]string
	// byHand are the objects that a person linked, or took from a record.
	byHand map[store.LinkKey]bool
	ids    int
	values int
	story  []string
	// quiet leaves out of the story what leads to nothing; heading is what is told if anything follows.
	quiet   bool
	heading string
}

// hub is one process.
type hub struct {
	name       string
	applier    *apply.Applier
	deliverer  *deliver.Deliverer
	translator *translate.Translator
}

// newWorld draws who is there, and the first policy.
func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), callers: []string{"web"}, waits: map[string]time.Time{},
		said: map[viewKey]map[model.Path]string{}, compiled: map[int]*apply.Active{}, byHand: map[store.LinkKey]bool{}}
	w.facts = &facts{w: w}
	for _, name := range []string{"crm", "bank", "desk", "shop"}[:2+rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "more vendors")] {
		w.vendors = append(w.vendors, w.drawVendor(name))
	}
	w.connect()
	w.activate()
	for _, name := range []string{"hub one", "hub two"}[:1+rapid.IntRange(0, 1).Draw(t, "more hubs")] {
		w.hubs = append(w.hubs, w.newHub(name))
	}
	return w
}

// connect opens the adapters.
func (w *world) connect() {
	var specs []connection.Spec
	for _, v := range w.vendors {
		factory := adapters.Factory{Name: "memory", Carries: v.carriage(), Open: func(adapters.Settings) (*adapters.Adapter, error) {
			return &adapters.Adapter{MappingVersion: 1, Translator: v, Fetcher: v, Pusher: v}, nil
		}}
		specs = append(specs, connection.Spec{Name: v.name, Factory: factory, Settings: adapters.Settings{HTTP: http.DefaultClient}, Brake: connection.Brake{Share: 1}})
	}
	set, err := connection.Open(specs)
	if err != nil {
		w.t.Fatal(err)
	}
	w.connections = set
}

// activate draws a policy and makes it the active version.
func (w *world) activate() {
	p := &store.Policy{Version: int64(len(w.facts.policies) + 1), Config: w.drawPolicy()}
	compiled, err := apply.Compile(p)
	if err != nil {
		w.t.Fatal(err)
	}
	w.compiled[int(p.Version)] = &apply.Active{Version: p.Version, Policy: compiled}
	w.facts.policies = append(w.facts.policies, p)
	w.say("policy %d is active: %s", p.Version, tellPolicy(p.Config))
	w.facts.put(func(t *tx) { queue{w.facts}.add(t, job{version: p.Version}) })
}

// newHub begins a process.
func (w *world) newHub(name string) *hub {
	h := &hub{name: name}
	log := slog.New(slog.DiscardHandler)
	h.applier = &apply.Applier{Store: w.facts, Queue: queue{w.facts}, Connections: w.connections, Log: log,
		Now: func() time.Time { w.tick(); return w.now }, NewID: w.newID}
	h.applier.Use(w.compiled[len(w.facts.policies)])
	h.deliverer = &deliver.Deliverer{Applier: h.applier, Connections: w.connections, Gate: pace{w}, Log: log,
		NewKey: func() string { w.values++; return fmt.Sprintf("key-%d", w.values) }}
	h.translator = &translate.Translator{Store: w.facts, Applier: h.applier, Connections: w.connections, Gate: pace{w}, Log: log}
	return h
}

func (w *world) newID(kind model.Kind) (store.RecordID, error) {
	w.ids++
	return store.RecordID(fmt.Sprintf("%s_%026d", kind, w.ids)), nil
}

// tick lets a little time pass.
func (w *world) tick() { w.now = w.now.Add(7 * time.Millisecond) }

// sources are all who may claim.
func (w *world) sources() []string {
	var names []string
	for _, v := range w.vendors {
		names = append(names, v.name)
	}
	return append(names, w.callers...)
}

func (w *world) vendor(name string) *vendor {
	for _, v := range w.vendors {
		if v.name == name {
			return v
		}
	}
	return nil
}

func (w *world) say(format string, args ...any) {
	if w.heading != "" {
		w.story, w.heading = append(w.story, w.heading), ""
	}
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// aside is told if anything follows from it, and in any case while things happen.
func (w *world) aside(format string, args ...any) {
	w.heading = ""
	if !w.quiet {
		w.say(format, args...)
		return
	}
	w.heading = fmt.Sprintf(format, args...)
}

// fail tells what happened.
func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, format, args...)
	b.WriteString("\nWhat happened:\n")
	for _, v := range w.vendors {
		fmt.Fprintf(&b, "    %s\n", v.habits())
	}
	for i, line := range w.story {
		fmt.Fprintf(&b, "%4d %s\n", i+1, line)
	}
	w.t.Fatal(b.String())
}

// close ends what is still under way.
func (w *world) close() {
	for _, t := range w.tasks {
		t.stop()
	}
}

var background = context.Background()
