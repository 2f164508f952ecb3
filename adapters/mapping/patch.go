package mapping

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Frozen is one attempt: what is written of each attribute, and what of it was held.
type Frozen struct {
	Writes map[string]Fields `json:"writes"` // in the order of their names: encoding/json's promise
	// Also is what a create writes beside its attributes.
	Also Fields `json:"also,omitempty"`
	// Held is what was known of the attributes, where it was.
	Held map[string]Fields `json:"held,omitempty"`
	// Empty are attributes that were known to have no value, which the vendor does not let be written.
	Empty []string `json:"empty,omitempty"`
}

// Prepare freezes a patch. A create leaves out what is blank.
func (k *Kind) Prepare(p adapters.Patch) (adapters.Request, error) {
	f, err := k.Attempt(p)
	if err != nil {
		return adapters.Request{}, err
	}
	return f.Freeze(p)
}

// Attempt makes an attempt of a patch, for adapters that add to it before it is frozen.
func (k *Kind) Attempt(p adapters.Patch) (Frozen, error) {
	f := &fault.Error{Category: fault.Permanent, Op: Operation(p.Kind, p.ExternalID)}
	switch {
	case p.Message == nil || p.Message.ProtoReflect().Descriptor() != k.Message().ProtoReflect().Descriptor():
		f.Message = "the message is not one of the kind's"
	case p.ExternalID != "" && !k.IsID(string(p.ExternalID)):
		f.Message = "it is no id of " + k.Vendor + "'s"
	case len(p.Paths) == 0:
		f.Message = "there is nothing to write"
	}
	if f.Message != "" {
		return Frozen{}, f
	}
	out := Frozen{Writes: map[string]Fields{}}
	for _, path := range p.Paths {
		w, why := k.Write(path, p.ExternalID == "", p.Message)
		if out.Writes[path] = w; why != "" {
			f.Refuse(path, why)
		}
	}
	if f.Refused != nil {
		f.Message = k.Vendor + " cannot hold all of it"
		return Frozen{}, f
	}
	switch {
	case p.ExternalID == "":
		if f.Message = k.complete(p, &out); f.Message != "" {
			return Frozen{}, f
		}
	case k.Guarded:
		k.hold(p, &out)
	}
	return out, nil
}

// Freeze makes the request of an attempt.
func (f Frozen) Freeze(p adapters.Patch) (adapters.Request, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: Operation(p.Kind, p.ExternalID), Message: "the patch cannot be written"}
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

func (k *Kind) complete(p adapters.Patch, out *Frozen) (missing string) {
	for _, w := range out.Writes {
		drop(w)
	}
	if k.Complete != nil {
		out.Also, missing = k.Complete(p, out.Fields())
	}
	return missing
}

// hold keeps what the object was known to have of the attributes that are written.
func (k *Kind) hold(p adapters.Patch, out *Frozen) {
	if p.Held == nil {
		return
	}
	out.Held = map[string]Fields{}
	for _, path := range slices.Sorted(slices.Values(p.Paths)) {
		empty := slices.Contains(p.HeldEmpty, path)
		switch held, why := k.Write(path, false, p.Held); {
		case why == "" && (empty || !Blank(held)):
			out.Held[path] = held
		case empty:
			out.Empty = append(out.Empty, path)
		}
	}
}

// Write is what is written of one attribute, or why the vendor cannot hold it.
func (k *Kind) Write(path string, creates bool, record proto.Message) (w Fields, refusal string) {
	w = Fields{}
	for _, r := range k.Rows {
		below, wild := strings.CutSuffix(r.Path, "*")
		key, isKey := strings.CutPrefix(path, below)
		switch {
		case !creates && r.OnCreate:
		case wild && isKey && r.WriteKey != nil:
			return w, r.WriteKey(record, key, w)
		case r.Path == path && r.Write != nil:
			return w, r.Write(record, w)
		}
	}
	return w, k.Vendor + " does not hold it, sets it alone, or never changes it"
}

// Thaw reads a frozen attempt. Numbers stay as they were written. One of another form, as of an older version, is a
// conflict: the object is read, and the attempt prepared anew.
func Thaw(r adapters.Request) (Frozen, error) {
	var f Frozen
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	if err := d.Decode(&f); err != nil || f.Writes == nil {
		return f, &fault.Error{Category: fault.Conflict, Op: Operation(r.Kind, r.ExternalID), Message: "the frozen request cannot be read"}
	}
	return f, nil
}

// Open takes a request up: what is done, in words, its kind among those that are carried, and the attempt.
func Open[K any](r adapters.Request, kinds map[adapters.Kind]*K) (op string, k *K, f Frozen, err error) {
	op, k = Operation(r.Kind, r.ExternalID), kinds[r.Kind]
	if k == nil {
		return op, nil, f, NotCarried(op)
	}
	f, err = Thaw(r)
	return op, k, f, err
}

// Paths are the attributes that are written, sorted.
func (f Frozen) Paths() []string { return slices.Sorted(maps.Keys(f.Writes)) }

// Fields are all that is written.
func (f Frozen) Fields() Fields {
	out := Fields{}
	for _, path := range f.Paths() {
		Join(out, f.Writes[path])
	}
	Join(out, f.Also)
	return out
}

// Moved says that an attribute, which now has other fields than those to be written, has not those either that it was held
// to have: somebody changed it, and the hub has not seen it.
func (f Frozen) Moved(path string, has Fields) bool {
	if slices.Contains(f.Empty, path) {
		return !Blank(has)
	}
	held, told := f.Held[path]
	return told && !Equal(has, held)
}

// Moved says that somebody changed an attribute that is about to be written, by what the object is now said to be: it has
// neither what it was held to have nor what it is to get, or a value that cannot be used and was not there. has is what it
// has now, as it would be written.
func (k *Kind) Moved(f Frozen, path string, is adapters.Observation) (has Fields, moved bool) {
	has, _ = k.Write(path, false, is.Message) // be it that it could not be written: that tells it from what was held
	if slices.ContainsFunc(is.Unusable, func(u adapters.Unusable) bool { return u.Path == path }) {
		_, held := f.Held[path]
		return has, held || slices.Contains(f.Empty, path)
	}
	return has, !Equal(has, f.Writes[path]) && f.Moved(path, has)
}

// Operation says what is done to an object with an id: "update customer".
func Operation(kind adapters.Kind, id adapters.ExternalID) string {
	if id == "" {
		return "create " + string(kind)
	}
	return "update " + string(kind)
}
