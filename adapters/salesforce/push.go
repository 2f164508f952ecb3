package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Push makes one attempt.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k := operation(r.Kind, r.ExternalID), a.kind(r.Kind)
	var f frozen
	if err := json.Unmarshal(r.Body, &f); err != nil || k == nil || f.Fields == nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	if r.ExternalID == "" {
		return a.create(ctx, op, k, r.RecordID, f)
	}
	o, err := a.update(ctx, op, k, string(r.ExternalID), f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: a.observe(k, o)}, nil
}

// update reads the row, and writes where nothing changed that the hub has not seen.
func (a *api) update(ctx context.Context, op string, k *kind, id string, f frozen) (*object, error) {
	now, err := a.get(ctx, op, k, id)
	if err != nil {
		return nil, err
	}
	is := a.observe(k, now)
	modified, known := moment(now.text("LastModifiedDate"))
	switch {
	case is.Gone:
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "it was deleted"}
	case k.moved(now, is.Message, f):
		return nil, &fault.Error{Category: fault.Conflict, Op: op, Message: "it was changed since it was last seen"}
	case !known:
		return nil, &fault.Error{Category: fault.Transient, Op: op, Message: "the answer does not say when the row was changed"}
	}
	fields, headless := joined(f.Fields, now)
	if len(headless) > 0 {
		return nil, k.ofLines(op, headless)
	}
	write := step{Method: http.MethodPatch, URL: a.row(k) + now.id, Name: "write", Body: fields, Headers: map[string]string{
		"If-Unmodified-Since": modified.Format(http.TimeFormat),
		"Sforce-Auto-Assign":  "FALSE", // else the org's rules give the case another owner each time
	}}
	o, r, err := a.put(ctx, op, k, write, equals("Id", now.id), f.Paths)
	if fault.CategoryOf(err) != fault.Gone || r.Status == 0 { // of the write, not of the call
		return o, err
	}
	// Salesforce says of a row and of what it leads to alike that it is deleted, and names neither.
	switch again, errAgain := a.get(ctx, op, k, now.id); {
	case errAgain != nil:
		return nil, errAgain
	case a.observe(k, again).Gone:
		return nil, err
	}
	return nil, k.ofReference(err, f.Paths)
}

// ofLines refuses to clear the first line of an address above another, which would take its place.
func (k *kind) ofLines(op string, fields []string) error {
	f := &fault.Error{Category: fault.Permanent, Op: op, Message: "Salesforce cannot hold all of it"}
	for _, r := range k.rows {
		if slices.Contains(fields, r.fields[0]) && strings.HasSuffix(r.path, ".line1") {
			refused(f, r.path, "there is a second line, which would become the first")
		}
	}
	return f
}

// ofReference judges a refusal, since something is deleted, to write a row that is not.
func (k *kind) ofReference(err error, paths []string) error {
	f := fault.As(err)
	f.Category, f.Message = fault.Permanent, "a row that it leads to is deleted"
	for _, r := range k.rows {
		if r.refers && slices.Contains(paths, r.path) {
			refused(f, r.path, "it leads to a row that is deleted")
		}
	}
	return f
}

// row is where a kind's rows are.
func (a *api) row(k *kind) string { return a.root + "sobjects/" + k.sobject + "/" }

// moved says that somebody changed a field that is about to be written: it has neither what it was held to have nor what
// it is to get.
func (k *kind) moved(o *object, is proto.Message, f frozen) bool {
	for _, path := range f.Paths {
		now := map[string]any{}
		if k.write(path, false, is, now) != "" {
			continue
		}
		for field, value := range now {
			raw, ok := o.fields[field]
			cleared := ok && null(text(raw)) == nil && f.Fields[field] == nil // whatever is read in its place
			if held, told := f.Held[field]; told && !equal(value, held) && !equal(value, f.Fields[field]) && !cleared {
				return true
			}
		}
	}
	return false
}

// equal compares values as JSON has them: one side was frozen.
func equal(a, b any) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}
