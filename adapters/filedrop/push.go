package filedrop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// What is done to an object, in a file of changes.
const (
	created  = "create"
	updated  = "update"
	archived = "archive"
)

// change is a frozen push: one row, by the names of its columns.
type change struct {
	Operation string            `json:"operation"`
	Columns   []string          `json:"columns"`
	Cells     map[string]string `json:"cells"`
	Paths     []string          `json:"paths"`
	// Message has the attributes of Paths.
	Message []byte `json:"message"`
}

// Prepare makes the row. A column is written where an attribute that it is made of is set; what else it is made of is
// taken as the object has it.
func (d *drop) Prepare(p adapters.Patch) (adapters.Request, error) {
	m := d.kinds[p.Kind]
	op := operation(p.ExternalID)
	if m == nil || m.out == nil {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the options do not say how that kind is written"}
	}
	if refused := m.foreign(p.Paths); len(refused) > 0 {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it cannot be written", Refused: refused}
	}
	set, err := m.only(nil, p.Message, p.Paths)
	if err != nil {
		return adapters.Request{}, err
	}
	whole, err := m.only(p.Held, p.Message, p.Paths)
	if err != nil {
		return adapters.Request{}, err
	}
	id := idOf(p.ExternalID, p.RecordID)
	c := change{Operation: op, Cells: map[string]string{}, Paths: slices.Sorted(slices.Values(p.Paths))}
	refused := m.cells(&c, map[string]any{"record": whole, "record_id": p.RecordID, "external_id": id})
	if len(refused) > 0 {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it cannot be written", Refused: refused}
	}
	if c.Message, err = (proto.MarshalOptions{Deterministic: true}).Marshal(set); err != nil {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the record cannot be written"}
	}
	body, err := json.Marshal(c)
	if err != nil {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be written"}
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

func operation(id adapters.ExternalID) string {
	if id == "" {
		return created
	}
	return updated
}

// idOf is the id of an object; one that is made here has our record's.
func idOf(external adapters.ExternalID, record string) string {
	if external == "" {
		return record
	}
	return string(external)
}

func (m *mapping) foreign(paths []string) map[string]string {
	refused := map[string]string{}
	for _, path := range paths {
		if !slices.Contains(m.out.paths, path) {
			refused[path] = "no column has it"
		}
	}
	return refused
}

// only is a record with some attributes of another one, and else what base has, which may be nil.
func (m *mapping) only(base, from proto.Message, paths []string) (proto.Message, error) {
	out := messages[m.kind].ProtoReflect().New().Interface()
	if base != nil {
		proto.Merge(out, base)
	}
	for _, path := range paths {
		a, err := find(m.kind, path)
		if err != nil {
			return nil, &fault.Error{Category: fault.Permanent, Op: "prepare", Message: "an attribute is none of the kind"}
		}
		a.copy(out.ProtoReflect(), from.ProtoReflect())
	}
	return out, nil
}

// copy gives one record another's attribute, or takes it away.
func (a attribute) copy(to, from protoreflect.Message) {
	if a.group != nil {
		if !from.Has(a.group) && !to.Has(a.group) {
			return
		}
		from, to = from.Get(a.group).Message(), to.Mutable(a.group).Message()
	}
	if a.custom != "" {
		key := protoreflect.ValueOfString(a.custom).MapKey()
		if from.Get(a.field).Map().Has(key) {
			to.Mutable(a.field).Map().Set(key, from.Get(a.field).Map().Get(key))
		} else if to.Has(a.field) {
			to.Mutable(a.field).Map().Clear(key)
		}
		return
	}
	for _, field := range []protoreflect.FieldDescriptor{a.field, a.raw} {
		switch {
		case field == nil:
		case from.Has(field):
			to.Set(field, from.Get(field))
		default:
			to.Clear(field)
		}
	}
}

// cells fills in the columns that have something to say.
func (m *mapping) cells(c *change, vars map[string]any) (refused map[string]string) {
	refused = map[string]string{}
	in, err := cel.NewActivation(vars)
	if err != nil {
		panic("a map is no activation: " + err.Error()) // it always is
	}
	for _, column := range m.out.columns {
		touched := slices.DeleteFunc(slices.Clone(column.from.paths), func(path string) bool { return !slices.Contains(c.Paths, path) })
		if len(touched) == 0 && len(column.from.paths) > 0 {
			continue
		}
		got := column.from.eval(in)
		reason := got.reason
		if reason == "" {
			if err := m.out.csv.writable(got.text()); err != nil {
				reason = err.Error()
			}
		}
		if reason != "" {
			for _, path := range touched {
				refused[path] = reason
			}
			continue
		}
		c.Columns, c.Cells[column.name] = append(c.Columns, column.name), got.text()
	}
	return refused
}

// Push writes a file of one row. Where the same push wrote it already and nobody has taken it away, that is the one.
func (d *drop) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op := operation(r.ExternalID)
	var c change
	m := d.kinds[r.Kind]
	if m == nil || m.out == nil || json.Unmarshal(r.Body, &c) != nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	message := messages[r.Kind].ProtoReflect().New().Interface()
	if proto.Unmarshal(c.Message, message) != nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	if err := d.write(ctx, op, m, r, c); err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: adapters.Observation{
		Object: adapters.Object{Kind: r.Kind, ExternalID: adapters.ExternalID(idOf(r.ExternalID, r.RecordID))}, RecordID: r.RecordID,
		Message: message, Paths: append([]string{}, c.Paths...), At: d.now().UTC(), Raw: r.Body}}, nil
}

// Find knows nothing that Push does not know: a create has the record's id, so that written again it is the same object.
func (d *drop) Find(context.Context, adapters.Request) (*adapters.Observation, error) {
	return nil, nil
}

// Archive writes a row that says so.
func (d *drop) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	m := d.kinds[r.Kind]
	if m == nil || m.out == nil {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: "archive", Message: "the options do not say how that kind is written"}
	}
	if err := d.write(ctx, "archive", m, r, change{Operation: archived}); err != nil {
		return adapters.Observation{}, err
	}
	return adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: d.now().UTC(), Raw: []byte(archived)}, nil
}

// write puts a change into out/, by a rename, so that no reader sees half of it.
func (d *drop) write(ctx context.Context, op string, m *mapping, r adapters.Request, c change) error {
	f, err := d.open(ctx, op)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := f.check(outFolder); err != nil {
		return err
	}
	folder := outFolder
	if m.out.whole {
		folder = m.pending()
		if err := f.Mkdir(folder, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return f.fail("write to out/", err)
		}
	}
	sum := sha256.Sum256([]byte(r.Key))
	ending := "-" + hex.EncodeToString(sum[:8]) + ".csv"
	written, err := f.list(folder, func(name string) bool { return strings.HasSuffix(name, ending) })
	if err != nil {
		return err
	}
	if len(written) == 0 {
		cells := map[string]string{idColumn: idOf(r.ExternalID, r.RecordID), doneColumn: c.Operation, changeColumn: strings.Join(c.Columns, columnMark), keyColumn: r.Key}
		maps.Copy(cells, c.Cells)
		name := fmt.Sprintf("%s-%s%s", r.Kind, d.now().UTC().Format(stampForm), ending)
		err = f.put(path.Join(folder, name), d.now(), m.out.csv, m.changeColumns(), func(emit func(map[string]string) error) error { return emit(cells) })
	}
	if err == nil && m.out.whole {
		err = d.renew(ctx, f, m)
	}
	if err != nil {
		at := fault.As(f.fail("write to out/", err))
		at.MaybeDone = true
		return at
	}
	return nil
}

func (m *mapping) changeColumns() []string {
	return append([]string{idColumn, doneColumn, changeColumn, keyColumn}, m.out.names()...)
}
