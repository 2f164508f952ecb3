// Package connection holds the configured accounts at vendors, opened: adapter, attribute paths, limits.
package connection

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
	"github.com/canonhub/canonhub/hub/model"
)

// Spec is what a connection is opened from.
type Spec struct {
	Name     string
	Factory  adapters.Factory
	Settings adapters.Settings
	// Limits bound the calls of all processes; 0 means what the adapter says, or else 10 a second and 8 at a time.
	Limits adapters.Limits
	// Brake has zeros where the defaults go.
	Brake Brake
	// Pulls have zeros where the defaults go.
	Pulls   map[model.Kind]Pull
	Receive Receive
	// Around is what surrounds all that the adapter does; the zero value is nothing.
	Around around.Wrapping
}

// Receive is how webhooks of a connection come in.
type Receive struct {
	// PerSecond and Concurrency bound the requests of one process; 0 means the default.
	PerSecond   float64
	Concurrency int
	// SecretNames are where the webhook secrets come from, in their order.
	SecretNames []string
}

// Allowed is how hard the connection may be called.
func (s Spec) Allowed() adapters.Limits {
	vendor := s.Factory.Limits
	return adapters.Limits{PerSecond: cmp.Or(s.Limits.PerSecond, vendor.PerSecond, 10), Concurrency: cmp.Or(s.Limits.Concurrency, vendor.Concurrency, 8),
		PerDay: cmp.Or(s.Limits.PerDay, vendor.PerDay), PagesPerMinute: cmp.Or(s.Limits.PagesPerMinute, vendor.PagesPerMinute)}
}

// Brake is how much may change at a connection within a window: one attribute of as many objects of a kind as their
// share, or Min, whichever is more.
type Brake struct {
	Share  float64
	Min    int
	Window time.Duration
}

// DefaultBrake goes where a connection does not say.
var DefaultBrake = Brake{Share: 0.2, Min: 50, Window: time.Hour}

func (b Brake) orDefaults() Brake {
	return Brake{Share: cmp.Or(b.Share, DefaultBrake.Share), Min: cmp.Or(b.Min, DefaultBrake.Min), Window: cmp.Or(b.Window, DefaultBrake.Window)}
}

// Carriage is what the vendor can hold of one kind.
type Carriage struct {
	In, Out []model.Path
	// New are what a create may set: Out, and what no update may.
	New             []model.Path
	Create, Archive bool
	// Pull says what can be pulled.
	Pull adapters.Pull
	// TellsDeletes says that the vendor tells of deletes by itself.
	TellsDeletes bool
}

// Connection is one opened account.
type Connection struct {
	Name        string
	AdapterName string
	Adapter     *adapters.Adapter
	Carries     map[model.Kind]Carriage
	Concurrency int
	Brake       Brake
	// Pulls are what is read from it, by kind.
	Pulls   map[model.Kind]Pull
	Receive Receive

	renewable *renewable
}

// Set is all opened connections, by name.
type Set map[string]*Connection

// Names lists the connections in order.
func (s Set) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Open opens connections. It calls no vendor.
func Open(specs []Spec) (Set, error) {
	set := Set{}
	for _, spec := range specs {
		c, err := open(spec)
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", spec.Name, err)
		}
		set[c.Name] = c
	}
	return set, nil
}

func open(spec Spec) (*Connection, error) {
	carries, err := spec.Factory.CarriesFor(spec.Settings)
	if err != nil {
		return nil, err
	}
	secrets := secretsOf(spec)
	r := &renewable{spec: spec, fingerprint: fingerprint(secrets.Credentials)}
	adapter, err := r.open(secrets)
	if err != nil {
		return nil, err
	}
	r.adapter = around.NewSwitch(adapter)
	c := &Connection{
		Name: spec.Name, AdapterName: spec.Factory.Name, Adapter: around.Adapter(r.adapter.Adapter(), spec.Around),
		Carries: map[model.Kind]Carriage{}, Concurrency: spec.Allowed().Concurrency,
		Brake: spec.Brake.orDefaults(), Pulls: map[model.Kind]Pull{}, Receive: spec.Receive, renewable: r,
	}
	for _, carriage := range carries {
		c.Carries[model.Kind(carriage.Kind)] = Carriage{In: paths(carriage.In), Out: paths(carriage.Out),
			New: paths(slices.Concat(carriage.Out, carriage.OnCreate)), Create: carriage.Create, Archive: carriage.Archive,
			Pull: carriage.Pull, TellsDeletes: carriage.Can(adapters.DeleteWebhooks) || carriage.Pull.Deletes}
	}
	for kind, pull := range spec.Pulls {
		c.Pulls[kind] = pull.orDefaults(c.Carries[kind])
	}
	return c, nil
}

func paths(in []string) []model.Path {
	out := make([]model.Path, len(in))
	for i, path := range in {
		out[i] = model.Path(path)
	}
	return out
}
