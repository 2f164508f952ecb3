package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// Write is what a caller says of a record. The caller is a source as any other: what comes of its word is the policy's to say.
type Write struct {
	// Cause has the caller as its source.
	Cause
	Kind model.Kind
	// RecordID is empty for a new record.
	RecordID store.RecordID
	// Message has the values; an attribute in Paths without one is said to be empty.
	Message proto.Message
	// Paths are attributes, groups, or `custom` for all custom attributes.
	Paths []model.Path
	// Etag is that of the record as the caller read it, PathEtags the same for single attributes or groups; empty for
	// whatever there is now.
	Etag      string
	PathEtags map[model.Path]string
	// Delete says that the record is to be deleted.
	Delete bool
	// Strict writes nothing where any attribute would not be accepted.
	Strict bool
	// ValidateOnly does all but write.
	ValidateOnly bool
	// RequestID makes a second call with the same id have no further effect; Fingerprint tells what was asked.
	RequestID   string
	Fingerprint []byte
}

// Written is what came of a write.
type Written struct {
	RecordID store.RecordID
	// Revision is the record's with the write.
	Revision store.Revision
	Outcomes []*storev1.Outcome
}

// What becomes of an attribute that a caller writes.
const (
	// Accepted: the record has what was said.
	Accepted = "accepted"
	// HeldBack: sources disagree, and the value stays until a person decides.
	HeldBack = "held"
	// Refused: another source's word counts.
	Refused = "refused"
)

// errUndone rolls a write back that was only to be judged.
var errUndone = errors.New("judged, and not written")

// Write takes a caller's word into a record, in one transaction with all that follows from it. What cannot be written is
// a *WriteError.
func (a *Applier) Write(ctx context.Context, in Write) (Written, error) {
	schema := model.For(in.Kind)
	var written Written
	err := a.inTx(ctx, func(tx Tx) error {
		w := writing{a: a, tx: tx, in: &in, schema: schema}
		var err error
		written, err = w.once(ctx)
		if err == nil && in.ValidateOnly {
			return errUndone
		}
		return err
	})
	if errors.Is(err, errUndone) {
		err = nil
	}
	if err != nil {
		return Written{}, fmt.Errorf("write %s %s: %w", in.Kind, in.RecordID, err)
	}
	return written, nil
}

// writing is one write on its way through one transaction.
type writing struct {
	a       *Applier
	tx      Tx
	in      *Write
	schema  *model.Schema
	rules   *policy.Kind
	version int64
	// message is what is said: nothing else that the caller's has makes, finds or breaks anything.
	message proto.Message
	bundle  *store.Bundle
	// leaves are the attributes that are written, of all that Paths names.
	leaves []model.Path
}

// once answers a request that was answered before as it was.
func (w *writing) once(ctx context.Context) (Written, error) {
	if w.in.RequestID == "" || w.in.ValidateOnly {
		return w.run(ctx)
	}
	key := store.RequestKey{Caller: w.in.Source, RequestID: w.in.RequestID}
	before, err := w.tx.LockRequest(ctx, key)
	switch {
	case err == nil && before.Erased():
		return Written{}, &WriteError{Reason: Deleted, Message: "the record was erased"}
	case err == nil && !bytes.Equal(before.Fingerprint, w.in.Fingerprint):
		return Written{}, &WriteError{Reason: RequestReused, Message: "another request was sent with this request_id; give each its own"}
	case err == nil:
		answer := &storev1.Answer{}
		err := proto.Unmarshal(before.Answer, answer)
		return Written{RecordID: store.RecordID(answer.GetRecordId()), Revision: store.Revision(answer.GetRevision()), Outcomes: answer.GetOutcomes()}, err
	case !errors.Is(err, store.ErrNotFound):
		return Written{}, err
	}
	written, err := w.run(ctx)
	if err != nil {
		return written, err
	}
	answer, err := proto.Marshal(&storev1.Answer{RecordId: string(written.RecordID), Revision: int64(written.Revision), Outcomes: written.Outcomes})
	w.tx.PutRequest(&store.Request{RequestKey: key, Fingerprint: w.in.Fingerprint, Answer: answer, RecordID: written.RecordID})
	return written, err
}

func (w *writing) run(ctx context.Context) (Written, error) {
	active := w.a.Active()
	w.rules, w.version = active.Policy.Kind(w.in.Kind), active.Version
	if w.rules == nil {
		return Written{}, &WriteError{Reason: NoPolicy, Message: fmt.Sprintf("the configuration has no policy for %ss", w.in.Kind)}
	}
	if err := w.name(); err != nil {
		return Written{}, err
	}
	contact, err := w.tx.LockContact(ctx, store.LinkKey{Kind: w.in.Kind}, matchKeys(w.rules, w.message), qualify(w.schema, w.message, ""))
	if err != nil {
		return Written{}, err
	}
	if contact.ActivePolicy != w.version {
		return Written{}, errPolicyMoved
	}
	if err := w.find(ctx, contact); err != nil {
		return Written{}, err
	}
	if err := w.judge(ctx); err != nil {
		return Written{}, err
	}
	if w.in.Delete {
		return w.delete(ctx)
	}
	if err := w.references(ctx, contact); err != nil {
		return Written{}, err
	}
	return w.say(ctx)
}

// name takes out of the caller's message what it says.
func (w *writing) name() error {
	w.message = w.schema.New()
	for _, path := range w.in.Paths {
		leaves := w.expand(path)
		if leaves == nil {
			return &WriteError{Reason: NoPath, Message: fmt.Sprintf("%s has no attribute %q", w.in.Kind, path), Paths: []model.Path{path}}
		}
		for _, leaf := range leaves {
			w.schema.Copy(w.message, w.in.Message, leaf)
		}
		w.leaves = append(w.leaves, leaves...)
	}
	return nil
}

// expand lists the attributes that a path of the mask names; nil where it names none.
func (w *writing) expand(path model.Path) []model.Path {
	group := strings.TrimSuffix(string(path), ".*")
	switch {
	case group == "custom":
		return append([]model.Path{}, w.schema.Custom(w.in.Message)...)
	case w.schema.Group(group) != nil:
		return w.schema.Group(group)
	case w.schema.Check(path) == nil:
		return []model.Path{path}
	}
	return nil
}

// find locks the record, or makes it.
func (w *writing) find(ctx context.Context, contact *store.Contact) error {
	if w.in.RecordID != "" {
		b, err := w.tx.LockBundle(ctx, w.in.RecordID)
		if errors.Is(err, store.ErrNotFound) || err == nil && b.Record.Kind != w.in.Kind {
			return &WriteError{Reason: NoRecord, Message: "no record has this id"}
		}
		w.bundle = b
		return err
	}
	switch {
	case !w.rules.MayCreate(w.in.Source):
		return &WriteError{Reason: NotCreated, Message: fmt.Sprintf("the policy does not let %s create %ss; create in the configuration names who may", w.in.Source, w.in.Kind)}
	case len(contact.Matches) > 0:
		return &WriteError{Reason: Exists, Message: "a record has this match key already: update that", Records: contact.Matches}
	}
	record, err := w.a.newRecord(w.in.Kind, w.in.Source, w.version)
	w.bundle = &store.Bundle{Record: record}
	return err
}

// judge says why the record is not to be written, or not so.
func (w *writing) judge(ctx context.Context) error {
	r := w.bundle.Record
	if !r.ErasedAt.IsZero() && !w.in.Delete {
		return &WriteError{Reason: Deleted, Message: "the record was erased"}
	}
	if !r.DeletedAt.IsZero() && !w.in.Delete {
		return &WriteError{Reason: Deleted, Message: "the record is deleted"}
	}
	if own := w.bundle.View(w.in.Source, ""); own != nil && (slices.Contains(w.in.Paths, "custom") || slices.Contains(w.in.Paths, "custom.*")) {
		w.leaves = append(w.leaves, w.schema.Custom(own.View.State().Said)...) // what is not said any more is said to be empty
	}
	slices.Sort(w.leaves)
	w.leaves = slices.Compact(w.leaves)
	for _, path := range w.leaves {
		if !w.rules.MayWrite(w.in.Source, path) {
			return &WriteError{Reason: NotAllowed, Message: fmt.Sprintf("the policy does not let %s write %s; write in the configuration names what it may", w.in.Source, path), Paths: []model.Path{path}}
		}
	}
	for path := range w.in.PathEtags {
		named := append(slices.Clone(w.in.Paths), w.leaves...)
		if !slices.ContainsFunc(named, func(written model.Path) bool { return covers(path, written) }) {
			return &WriteError{Reason: NoPath, Message: fmt.Sprintf("there is an etag for %q, which is not written", path), Paths: []model.Path{path}}
		}
	}
	return w.fresh(ctx)
}

// fresh sees that no attribute was changed since the caller read it. A change of another one is no reason, unless the
// record is to be deleted: it was read as a whole.
func (w *writing) fresh(ctx context.Context) error {
	behind := map[store.Revision][]model.Path{} // what was read at which revision
	r := w.bundle.Record
	if now := store.Etag(r.ID, r.Revision); w.in.Delete && r.DeletedAt.IsZero() && w.in.Etag != "" && w.in.Etag != now {
		return &WriteError{Reason: Outdated, Message: "the record changed since it was read; read it again", Etag: now}
	}
	for etag, paths := range w.read() {
		since := store.RevisionOf(etag, r.ID, r.Revision)
		if since == 0 {
			return &WriteError{Reason: Outdated, Message: "the etag is of no revision that is remembered; read the record again", Paths: paths, Etag: store.Etag(r.ID, r.Revision)}
		}
		if since < r.Revision {
			behind[since] = append(behind[since], paths...)
		}
	}
	for since, paths := range behind {
		changed, complete, err := w.tx.ChangedSince(ctx, r.ID, since, paths)
		if err != nil {
			return err
		}
		if !complete {
			return &WriteError{Reason: Outdated, Message: "the record was read too long ago; read it again", Paths: paths, Etag: store.Etag(r.ID, r.Revision)}
		}
		stale := slices.DeleteFunc(paths, func(path model.Path) bool { return changed[path] == 0 })
		if len(stale) > 0 {
			return &WriteError{Reason: Outdated, Message: fmt.Sprintf("%s changed since it was read; read it again", stale[0]), Paths: stale, Etag: store.Etag(r.ID, r.Revision)}
		}
	}
	return nil
}

// read lists the attributes by the etag of the record as the caller read them. Of two paths that cover one, the more
// specific counts.
func (w *writing) read() map[string][]model.Path {
	byEtag := map[string][]model.Path{}
	for _, leaf := range w.leaves {
		etag, by := w.in.Etag, model.Path("")
		for path, of := range w.in.PathEtags {
			if covers(path, leaf) && len(path) > len(by) {
				etag, by = of, path
			}
		}
		if etag != "" {
			byEtag[etag] = append(byEtag[etag], leaf)
		}
	}
	return byEtag
}

// covers says that a path names an attribute, or a group that has it.
func covers(path, leaf model.Path) bool {
	return path == leaf || strings.HasPrefix(string(leaf), strings.TrimSuffix(string(path), ".*")+".")
}

// references checks those that name records, and resolves those that name objects.
func (w *writing) references(ctx context.Context, contact *store.Contact) error {
	for ref := range w.schema.References(w.message) {
		id := store.RecordID(ref.Target.GetRecordId())
		if external := ref.Target.GetExternal(); external != nil && w.a.Connections[external.GetConnection()] == nil {
			return &WriteError{Reason: BadReference, Message: fmt.Sprintf("%s names an object at no connection that there is", ref.Path), Paths: []model.Path{ref.Path}}
		}
		if id == "" {
			continue
		}
		_, err := w.tx.Living(ctx, id)
		if errors.Is(err, store.ErrNotFound) || !strings.HasPrefix(string(id), string(ref.Kind)+"_") {
			return &WriteError{Reason: BadReference, Message: fmt.Sprintf("%s names no %s that there is", ref.Path, ref.Kind), Paths: []model.Path{ref.Path}}
		}
		if err != nil {
			return err
		}
	}
	p := &application{a: w.a, tx: w.tx, in: &Input{Cause: w.in.Cause}, rules: w.rules, version: w.version, message: w.message,
		key: store.LinkKey{Connection: w.in.Source, Kind: w.in.Kind}, bundle: w.bundle}
	return p.resolveReferences(ctx, contact.Others)
}

// say puts the caller's word into its view, and folds.
func (w *writing) say(ctx context.Context) (Written, error) {
	b := w.bundle
	own := b.View(w.in.Source, "")
	if own == nil {
		own = &store.View{RecordID: b.Record.ID, Source: w.in.Source, View: view.New(w.schema)}
		b.Views = append(b.Views, own)
	}
	own.View.Observe(view.Observation{Stamp: own.View.Next(w.a.Now()), Message: w.message, Paths: w.leaves})
	if b.Record.Placeholder {
		b.Record.Placeholder, b.Record.Creator = false, w.in.Source
	}
	f := &fold{a: w.a, tx: w.tx, bundle: b, rules: w.rules, version: w.version, cause: w.in.Cause}
	if _, err := f.record(); err != nil {
		return Written{}, err
	}
	written := Written{RecordID: b.Record.ID, Revision: b.Record.Revision, Outcomes: w.outcomes(f.resolution)}
	if refused := slices.DeleteFunc(slices.Clone(written.Outcomes), func(o *storev1.Outcome) bool { return o.GetResult() == Accepted }); w.in.Strict && len(refused) > 0 {
		return Written{}, &WriteError{Reason: NotAccepted, Message: fmt.Sprintf("%s would be %s, and the write is strict: nothing was written", refused[0].GetPath(), refused[0].GetResult()), Outcomes: refused}
	}
	if err := w.tx.PutView(own); err != nil {
		return Written{}, err
	}
	w.trail("written by " + w.in.Source)
	return written, f.follow(ctx)
}

func (w *writing) trail(detail string) {
	w.tx.PutTrail(store.Trail{Action: store.ActionApplied, CorrelationID: w.in.CorrelationID, RecordID: w.bundle.Record.ID, Actor: w.in.Source, Detail: detail})
}

// outcomes tells what became of each attribute, or group where the policy decides over that as one.
func (w *writing) outcomes(r *policy.Resolution) []*storev1.Outcome {
	var all []*storev1.Outcome
	for i := range r.Attributes {
		a := &r.Attributes[i]
		mine := slices.DeleteFunc(slices.Clone(a.Leaves), func(leaf model.Path) bool { return !slices.Contains(w.leaves, leaf) })
		if len(mine) == 0 {
			continue
		}
		o := &storev1.Outcome{Path: string(a.Path), Rule: a.Rule.Path, Result: Accepted}
		if a.Winner != nil {
			o.Winner = a.Winner.Source.Name
		}
		for _, lost := range a.Lost {
			if lost.Source.Name == w.in.Source {
				o.Reason = string(lost.Reason)
			}
		}
		differs := slices.ContainsFunc(mine, func(leaf model.Path) bool { return !w.schema.Equal(w.message, r.Message, leaf) })
		joined := slices.ContainsFunc(a.Joined, func(c policy.Claim) bool { return c.Source.Name == w.in.Source })
		switch {
		case a.Winner != nil && (o.Winner == w.in.Source || !differs), joined:
			o.Reason = ""
		case o.Reason == string(policy.Disagreed):
			o.Result = HeldBack
		default:
			o.Result = Refused
		}
		all = append(all, o)
	}
	return all
}

// delete deletes the record, where the policy lets the caller.
func (w *writing) delete(ctx context.Context) (Written, error) {
	r := w.bundle.Record
	effect := w.rules.DeleteEffect(w.in.Source)
	switch {
	case effect == policy.Ignore:
		return Written{}, &WriteError{Reason: NotAllowed, Message: fmt.Sprintf("the policy does not let %s delete %ss; delete in the configuration names who may", w.in.Source, w.in.Kind)}
	case !r.DeletedAt.IsZero():
		return Written{RecordID: r.ID, Revision: r.Revision}, nil
	}
	r.DeletedAt, r.Archive = w.a.Now().UTC(), effect == policy.Archive
	w.trail("deleted by " + w.in.Source)
	_, err := w.a.Fold(ctx, w.tx, w.bundle, w.in.Cause)
	return Written{RecordID: r.ID, Revision: r.Revision}, err
}
