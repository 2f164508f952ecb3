package view

import (
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// Refers lists the ids of the records that the view's messages point to, in order.
func (v *View) Refers() []string {
	ids := []string{}
	for m := range v.messages() {
		for ref := range v.schema.References(m) {
			if id := ref.Target.GetRecordId(); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// Redirected is the view as it reads where records were merged: a copy whose pointers go to the records that live, or v
// itself where none of them moves. What is stored keeps the pointers as they were said, so that a merge can be undone.
func (v *View) Redirected(redirects map[string]string) *View {
	if !slices.ContainsFunc(v.Refers(), func(id string) bool { return redirects[id] != "" }) {
		return v
	}
	stored, err := v.Encode()
	if err != nil {
		return v // it came from a form that could be encoded
	}
	out, err := Decode(v.schema, stored)
	if err != nil {
		return v
	}
	for m := range out.messages() {
		Redirect(v.schema, m, redirects)
	}
	return out
}

// Redirect points a message to the records that live.
func Redirect(schema *model.Schema, m proto.Message, redirects map[string]string) {
	for ref := range schema.References(m) {
		if to := redirects[ref.Target.GetRecordId()]; to != "" {
			ref.Target.Target = &canonicalv1.Reference_RecordId{RecordId: to}
		}
	}
}

// messages are all that the view keeps.
func (v *View) messages() iter.Seq[proto.Message] {
	return func(yield func(proto.Message) bool) {
		var all []proto.Message
		if v.base != nil {
			all = append(all, v.base.Said, v.base.Held, v.base.Agreed)
		}
		for i := range v.entries {
			all = append(all, v.entries[i].message, v.entries[i].agreed)
		}
		for _, refusal := range v.Refused {
			all = append(all, refusal.Message)
		}
		for _, contest := range v.Contests {
			all = append(all, contest.Message)
		}
		for _, decision := range v.Decisions {
			for _, said := range decision.Over {
				all = append(all, said.Message)
			}
		}
		for _, m := range all {
			if m != nil && !yield(m) {
				return
			}
		}
	}
}

// Over is what a source says that spoke of two records that are one: what it said here, and of the fields that it said
// nothing of, what it said there.
func (s *State) Over(other *State) *State {
	out := s.clone()
	for path, stamp := range other.Claims {
		if !s.speaksOfField(path) {
			s.schema.Copy(out.Said, other.Said, path)
			out.Claims[path] = stamp
		}
	}
	return out
}

// speaksOfField says that the source claimed the attribute, or another of its group: a group is not put together from
// two records.
func (s *State) speaksOfField(path model.Path) bool {
	if isCustom(path) {
		return s.Spoke(path)
	}
	field, _, _ := strings.Cut(string(path), ".")
	for claimed := range s.Claims {
		if of, _, _ := strings.Cut(string(claimed), "."); of == field {
			return true
		}
	}
	return false
}
