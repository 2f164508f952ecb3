package salesforce

import (
	"context"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Prepare freezes a patch.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	op, k := mapping.Operation(p.Kind, p.ExternalID), a.kinds[p.Kind]
	if k == nil {
		return adapters.Request{}, mapping.NotCarried(op)
	}
	if p.ExternalID == "" {
		if err := named(op, p.RecordID); err != nil {
			return adapters.Request{}, err
		}
	}
	return k.Prepare(p)
}

// Push makes one attempt.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k, f, err := mapping.Open(r, a.kinds)
	switch {
	case err != nil:
		return adapters.Ack{}, err
	case r.ExternalID == "":
		return a.create(ctx, op, k, r.RecordID, f)
	}
	o, err := a.update(ctx, op, k, string(r.ExternalID), f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: a.observe(k, o)}, nil
}

// update reads the row, and writes where nothing changed that the hub has not seen.
func (a *api) update(ctx context.Context, op string, k *kind, id string, f mapping.Frozen) (*object, error) {
	now, err := a.get(ctx, op, k, id)
	if err != nil {
		return nil, err
	}
	is := a.observe(k, now)
	modified, known := moment(now.text("LastModifiedDate"))
	switch {
	case is.Gone:
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "it was deleted"}
	case k.moved(now, is, f):
		return nil, &fault.Error{Category: fault.Conflict, Op: op, Message: "it was changed since it was last seen"}
	case !known:
		return nil, &fault.Error{Category: fault.Transient, Op: op, Message: "the answer does not say when the row was changed"}
	}
	fields, err := joined(op, f.Fields(), now)
	if err != nil {
		return nil, err
	}
	write := step{Method: http.MethodPatch, URL: a.row(k) + now.id, Name: "write", Body: fields, Headers: map[string]string{
		"If-Unmodified-Since": modified.Format(http.TimeFormat),
		"Sforce-Auto-Assign":  "FALSE", // else the org's rules give the case another owner each time
	}}
	o, r, err := a.put(ctx, op, k, write, equals("Id", now.id), f.Paths())
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
	k.ofReference(fault.As(err), f.Paths())
	return nil, err
}

// ofReference judges a refusal, since something is deleted, to write a row that is not.
func (k *kind) ofReference(f *fault.Error, paths []string) {
	f.Category, f.Message = fault.Permanent, "a row that it leads to is deleted"
	if slices.Contains(paths, k.refers) {
		f.Refuse(k.refers, "it leads to a row that is deleted")
	}
}

// row is where a kind's rows are.
func (a *api) row(k *kind) string { return a.root + "sobjects/" + k.sobject + "/" }

// moved says that somebody changed an attribute that is about to be written.
func (k *kind) moved(o *object, is adapters.Observation, f mapping.Frozen) bool {
	for path, w := range f.Writes {
		if _, moved := k.Moved(f, path, is); moved && !o.cleared(w) {
			return true
		}
	}
	return false
}

// cleared says that a row lacks all that is to be cleared, whatever is read in its place.
func (o *object) cleared(w mapping.Fields) bool {
	for field := range w {
		if _, told := o.fields[field]; !told || o.text(field) != "" {
			return false
		}
	}
	return mapping.Blank(w)
}
