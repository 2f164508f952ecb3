// Package drift watches whether what vendors say is still what their adapters were written for: fields and enum values
// that an adapter does not know, fields that vanished, fields whose type changed. It counts, keeps paths and types and
// never a value of anybody's, and fails nothing: a mapping goes on with what it knows.
package drift

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// most bounds the differences that are kept, and told in the log, of one kind at a connection.
const most = 500

// Store keeps what was counted.
type Store interface {
	AddDrift(ctx context.Context, all []store.Drift, most int) error
	PutDriftShapes(ctx context.Context, all []store.DriftShape) error
	DriftShapes(ctx context.Context, connection string) ([]store.DriftShape, error)
}

// Watch watches all connections of this process.
type Watch struct {
	store Store
	log   *slog.Logger
	count *prometheus.CounterVec

	mu      sync.Mutex
	pending map[store.DriftKey]*store.Drift
	shapes  map[source]*shape
	// told are the differences that are in the log already.
	told map[store.DriftKey]bool
	// room is what each lane has taken of both: noise at one takes no room from the others.
	room map[lane]*taken
}

// lane is one kind at one connection.
type lane struct {
	connection string
	kind       adapters.Kind
}

type taken struct{ pending, told int }

// source is where objects of one form come from: the same vendor's events and answers may differ in form.
type source struct {
	connection string
	kind       adapters.Kind
	op         string
}

// New makes a watch that counts in a metric, too.
func New(s Store, registry prometheus.Registerer, log *slog.Logger) (*Watch, error) {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "canonhub_drift_total", Help: "Differences between what vendors say and what their adapters know, by what they are.",
	}, []string{"connection", "kind", "change"})
	if err := registry.Register(count); err != nil {
		return nil, err
	}
	return &Watch{store: s, log: log, count: count, pending: map[store.DriftKey]*store.Drift{}, shapes: map[source]*shape{}, told: map[store.DriftKey]bool{},
		room: map[lane]*taken{}}, nil
}

// Of watches one connection; it is told of each observation and of the ability that it came from.
func (w *Watch) Of(connection string) func(op string, o adapters.Observation) {
	return func(op string, o adapters.Observation) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, unknown := range o.Unknown {
			path, value, isValue := strings.Cut(unknown, "=")
			switch {
			case !names.MatchString(path) || digits.MatchString(path):
				w.add(connection, o.Kind, store.UnknownField, "*", "no name")
			case !isValue:
				w.add(connection, o.Kind, store.UnknownField, path, "")
			case word.MatchString(value):
				w.add(connection, o.Kind, store.UnknownValue, path+"="+value, "")
			default:
				w.add(connection, o.Kind, store.UnknownValue, path, "no word")
			}
		}
		if o.Gone || len(o.Raw) == 0 {
			return
		}
		if o.Paths != nil {
			op += " in part"
		}
		from := source{connection, o.Kind, op}
		s := w.shapes[from]
		if s == nil {
			s = newShape()
			w.shapes[from] = s
		}
		for _, d := range s.compare(o.Raw) {
			w.add(connection, o.Kind, d.change, d.path, d.detail)
		}
	}
}

// names are what fields and columns are called; digits are in what people are called by: numbers of telephones, accounts,
// customers. What is no name is a key that somebody chose, or a value where a name should be, and is counted alone.
var (
	names  = regexp.MustCompile(`^[\p{L}_$][\p{L}\p{N}_ .:/()#$\[\]-]*$`)
	digits = regexp.MustCompile(`[0-9]{5}`)
)

// maxText bounds a path and a detail.
const maxText = 200

func (w *Watch) add(connection string, kind adapters.Kind, change store.DriftChange, path, detail string) {
	w.count.WithLabelValues(connection, string(kind), string(change)).Inc()
	room := w.room[lane{connection, kind}]
	if room == nil {
		room = new(taken)
		w.room[lane{connection, kind}] = room
	}
	key := store.DriftKey{Connection: connection, Kind: model.Kind(kind), Change: change, Path: cut(path)}
	d := w.pending[key]
	if d == nil {
		if room.pending >= most {
			return // until the next flush: noise is no reason to grow
		}
		room.pending++
		d = &store.Drift{DriftKey: key}
		w.pending[key] = d
	}
	d.Seen++
	d.Detail = cut(detail)
	if !w.told[key] && room.told < most {
		w.told[key] = true
		room.told++
		w.log.Warn("vendor says what its adapter was not written for", "connection", connection, "kind", kind, "change", change, "path", key.Path, "detail", d.Detail)
	}
}

func cut(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "�")
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText])
	}
	return text
}

// Learn takes up what is known of connections' objects, so that what a vendor changes while no process runs is seen, too.
func (w *Watch) Learn(ctx context.Context, connections []string) error {
	for _, name := range connections {
		all, err := w.store.DriftShapes(ctx, name)
		if err != nil {
			return err
		}
		w.mu.Lock()
		for _, d := range all {
			w.shapes[source{d.Connection, adapters.Kind(d.Kind), d.Op}] = decode(d.Shape)
		}
		w.mu.Unlock()
	}
	return nil
}

// Flush stores what was counted and learnt since the last time. What cannot be stored is kept for the next.
func (w *Watch) Flush(ctx context.Context) error {
	return errors.Join(w.flush(ctx), w.keep(ctx))
}

// keep stores the shapes that are worth it. Processes overwrite each other's: each knows enough.
func (w *Watch) keep(ctx context.Context) error {
	var due []store.DriftShape
	w.mu.Lock()
	for from, s := range w.shapes {
		if s.due() {
			due = append(due, store.DriftShape{Connection: from.connection, Kind: string(from.kind), Op: from.op, Shape: s.encode()})
			s.kept, s.changed = s.objects, false
		}
	}
	w.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	err := w.store.PutDriftShapes(ctx, due)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, d := range due {
			w.shapes[source{d.Connection, adapters.Kind(d.Kind), d.Op}].changed = true
		}
	}
	return err
}

func (w *Watch) flush(ctx context.Context) error {
	w.mu.Lock()
	pending := w.pending
	w.pending = map[store.DriftKey]*store.Drift{}
	for _, room := range w.room {
		room.pending = 0
	}
	w.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	all := make([]store.Drift, 0, len(pending))
	for _, d := range pending {
		all = append(all, *d)
	}
	err := w.store.AddDrift(ctx, all, most)
	if err == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, d := range pending {
		if again := w.pending[key]; again != nil {
			again.Seen += d.Seen
		} else if room := w.room[lane{key.Connection, adapters.Kind(key.Kind)}]; room.pending < most {
			room.pending++
			w.pending[key] = d
		}
	}
	return err
}
