package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// Encode gives the view's stored form.
func (v *View) Encode() ([]byte, error) {
	var c coder
	usual := v.usual()
	out := &storev1.View{SnapshotPaths: texts(usual), Refused: map[string]*storev1.Refusal{}, Contests: c.contests(v.Contests)}
	if v.base != nil {
		out.Base = &storev1.Side{
			Said: c.bytes(v.base.Said), Claims: map[string]*storev1.Stamp{}, Blanks: keys(v.base.Blanks),
			Held: c.bytes(v.base.Held), HeldPaths: keys(v.base.held),
			Agreed: c.bytes(v.base.Agreed), AgreedPaths: keys(v.base.agreed), MovedPaths: keys(v.base.moved),
			Newest: EncodeStamp(v.base.Newest),
		}
		for path, stamp := range v.base.Claims {
			out.Base.Claims[string(path)] = EncodeStamp(stamp)
		}
	}
	for i := range v.entries {
		e := &v.entries[i]
		stored := &storev1.Entry{
			Stamp: EncodeStamp(e.stamp), Snapshot: e.snapshot && len(e.paths) > 0,
			Delivered: texts(e.delivered), Message: c.bytes(e.message),
		}
		if !e.snapshot || !slices.Equal(e.paths, usual) {
			stored.Paths = texts(e.paths)
		}
		if len(e.delivered) > 0 {
			stored.Agreed, stored.SentAfter = c.bytes(e.agreed), EncodeStamp(e.after)
		}
		out.Entries = append(out.Entries, stored)
	}
	for path, refusal := range v.Refused {
		out.Refused[string(path)] = &storev1.Refusal{
			Message: c.bytes(refusal.Message), Reason: valid(refusal.Reason), Time: timestamppb.New(refusal.Time),
		}
	}
	for path, d := range v.Decisions {
		if out.Decisions == nil {
			out.Decisions = map[string]*storev1.Decision{}
		}
		out.Decisions[string(path)] = c.decision(d)
	}
	for _, u := range v.Unusable {
		out.Unusable = append(out.Unusable, &storev1.Unusable{Path: string(u.Path), Raw: valid(u.Raw), Reason: valid(u.Reason)})
	}
	text := c.bytes(out)
	return text, c.err
}

// usual is what the newest snapshot speaks of; it is stored once for all entries that speak of the same.
func (v *View) usual() []model.Path {
	for i := len(v.entries) - 1; i >= 0; i-- {
		if v.entries[i].snapshot {
			return v.entries[i].paths
		}
	}
	return nil
}

// valid makes a vendor's text fit to be stored.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Decode reads a view's stored form.
func Decode(schema *model.Schema, stored []byte) (*View, error) {
	in := &storev1.View{}
	if err := proto.Unmarshal(stored, in); err != nil {
		return nil, fmt.Errorf("decode view: %w", err)
	}
	c := coder{schema: schema}
	v := New(schema)
	usual := paths(in.GetSnapshotPaths())
	if b := in.GetBase(); b != nil {
		v.base = &State{
			schema: schema,
			Said:   c.message(b.GetSaid()), Claims: map[model.Path]Stamp{}, Blanks: set(b.GetBlanks()),
			Held: c.message(b.GetHeld()), held: set(b.GetHeldPaths()),
			Agreed: c.message(b.GetAgreed()), agreed: set(b.GetAgreedPaths()), moved: set(b.GetMovedPaths()),
			Newest: DecodeStamp(b.GetNewest()),
		}
		for path, stamp := range b.GetClaims() {
			v.base.Claims[model.Path(path)] = DecodeStamp(stamp)
		}
	}
	for _, e := range in.GetEntries() {
		decoded := entry{
			stamp: DecodeStamp(e.GetStamp()), snapshot: e.GetSnapshot(), paths: paths(e.GetPaths()),
			delivered: paths(e.GetDelivered()), message: c.message(e.GetMessage()),
		}
		if decoded.snapshot && len(decoded.paths) == 0 {
			decoded.paths = usual
		}
		if len(decoded.delivered) > 0 {
			decoded.agreed, decoded.after = c.message(e.GetAgreed()), DecodeStamp(e.GetSentAfter())
		}
		v.entries = append(v.entries, decoded)
	}
	for path, r := range in.GetRefused() {
		v.Refused[model.Path(path)] = Refusal{Message: c.message(r.GetMessage()), Reason: r.GetReason(), Time: r.GetTime().AsTime()}
	}
	for path, d := range in.GetDecisions() {
		v.Decisions[model.Path(path)] = c.decided(d)
	}
	for path, contest := range in.GetContests() {
		v.Contests[model.Path(path)] = c.contest(contest)
	}
	for _, u := range in.GetUnusable() {
		v.Unusable = append(v.Unusable, Unusable{Path: model.Path(u.GetPath()), Raw: u.GetRaw(), Reason: u.GetReason()})
	}
	return v, c.err
}

func (c *coder) decision(d Decision) *storev1.Decision {
	out := &storev1.Decision{Side: d.Side, Authority: d.Authority, By: valid(d.By), Why: valid(d.Why)}
	if !d.Time.IsZero() {
		out.Time = timestamppb.New(d.Time)
	}
	for _, said := range d.Over {
		out.Over = append(out.Over, &storev1.Said{Source: said.Source, ExternalId: said.ExternalID, Message: c.bytes(said.Message)})
	}
	return out
}

func (c *coder) decided(d *storev1.Decision) Decision {
	out := Decision{Side: d.GetSide(), Authority: d.GetAuthority(), By: d.GetBy(), Why: d.GetWhy()}
	if d.GetTime() != nil {
		out.Time = d.GetTime().AsTime()
	}
	for _, said := range d.GetOver() {
		out.Over = append(out.Over, Said{Source: said.GetSource(), ExternalID: said.GetExternalId(), Message: c.message(said.GetMessage())})
	}
	return out
}

// EncodeStamp gives a stamp's stored form; the zero stamp is nil.
func EncodeStamp(s Stamp) *storev1.Stamp {
	if s.IsZero() {
		return nil
	}
	out := &storev1.Stamp{Version: s.Version}
	if !s.Time.IsZero() {
		out.Time = timestamppb.New(s.Time)
	}
	if !s.Seen.IsZero() {
		out.Seen = timestamppb.New(s.Seen)
	}
	return out
}

// DecodeStamp reads a stamp's stored form.
func DecodeStamp(s *storev1.Stamp) Stamp {
	out := Stamp{Version: s.GetVersion()}
	if s.GetTime() != nil {
		out.Time = s.GetTime().AsTime()
	}
	if s.GetSeen() != nil {
		out.Seen = s.GetSeen().AsTime()
	}
	return out
}

// coder keeps the first error, so that the shapes above read as tables.
type coder struct {
	schema *model.Schema
	err    error
}

func (c *coder) bytes(m proto.Message) []byte {
	out, err := proto.Marshal(m)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("encode view: %w", err)
	}
	return out
}

func (c *coder) message(stored []byte) proto.Message {
	m := c.schema.New()
	if err := proto.Unmarshal(stored, m); err != nil && c.err == nil {
		c.err = fmt.Errorf("decode %s in view: %w", c.schema.Kind(), err)
	}
	return m
}

func (c *coder) contests(in map[model.Path]Contest) map[string]*storev1.Contest {
	out := make(map[string]*storev1.Contest, len(in))
	for path, contest := range in {
		stored := &storev1.Contest{}
		for _, at := range contest.Corrections {
			stored.Corrections = append(stored.Corrections, timestamppb.New(at))
		}
		if contest.Message != nil {
			stored.Message = append([]byte{}, c.bytes(contest.Message)...) // present, though a contested emptiness has no bytes
		}
		out[string(path)] = stored
	}
	return out
}

func (c *coder) contest(stored *storev1.Contest) Contest {
	var out Contest
	for _, at := range stored.GetCorrections() {
		out.Corrections = append(out.Corrections, at.AsTime())
	}
	if stored.Message != nil {
		out.Message = c.message(stored.Message)
	}
	return out
}

func texts(in []model.Path) []string {
	out := make([]string, len(in))
	for i, path := range in {
		out[i] = string(path)
	}
	return out
}

func paths(in []string) []model.Path {
	if len(in) == 0 {
		return nil
	}
	out := make([]model.Path, len(in))
	for i, path := range in {
		out[i] = model.Path(path)
	}
	return out
}

func keys(m map[model.Path]bool) []string { return texts(slices.Sorted(maps.Keys(m))) }

func set(in []string) map[model.Path]bool {
	out := make(map[model.Path]bool, len(in))
	for _, path := range in {
		out[model.Path(path)] = true
	}
	return out
}
