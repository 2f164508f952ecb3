package model_test

import (
	"iter"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
)

func TestJoinTellsElementsApartByTheirKey(t *testing.T) {
	t.Parallel()
	line := func(sku, title string) *canonicalv1.Line {
		l := &canonicalv1.Line{Title: proto.String(title)}
		if sku != "" {
			l.Sku = proto.String(sku)
		}
		return l
	}
	s := model.For(model.Order)
	have := &canonicalv1.Order{Lines: []*canonicalv1.Line{line("a", "first"), line("", "no key")}}
	more := &canonicalv1.Order{Lines: []*canonicalv1.Line{line("a", "other"), line("b", "second"), line("", "no key"), line("", "another")}}
	s.Join(have, more, "lines", "sku")
	want := &canonicalv1.Order{Lines: []*canonicalv1.Line{line("a", "first"), line("", "no key"), line("b", "second"), line("", "another")}}
	if !proto.Equal(have, want) {
		t.Errorf("%v, want %v", have, want)
	}
	more.Lines[1].Title = proto.String("changed")
	if have.GetLines()[2].GetTitle() != "second" {
		t.Error("the elements are shared")
	}
	if keys := s.Keys("lines"); len(keys) == 0 || s.Keys("number") != nil || model.For(model.Customer).Keys("tags") != nil {
		t.Errorf("keys: %v", keys)
	}
}

func TestSetJSON(t *testing.T) {
	t.Parallel()
	s := model.For(model.Customer)
	for _, c := range []struct {
		path  model.Path
		from  string // a customer in the message's own JSON
		email string
		fails bool
	}{
		{"email", `{"email": "a@example.com"}`, "a@example.com", false},
		{"billing_address", `{"billing_address": {"city": "Bonn"}}`, "", false},
		{"email", `{"email": "no address"}`, "", true},
		{"email", `{"email": {"a": 1}}`, "", true},
		{"custom.tier", `{"custom": {"tier": {"text": "gold"}}}`, "", false},
	} {
		source := decodeStruct(t, c.from)
		value := source
		leaves := []model.Path{c.path}
		if group := s.Group(string(c.path)); group != nil {
			leaves = group
		}
		for part := range split(c.path) {
			value = value.GetStructValue().GetFields()[part]
		}
		m := &canonicalv1.Customer{Phone: proto.String("+491"), Email: proto.String("before@example.com")}
		err := s.SetJSON(m, c.path, leaves, value)
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		if c.email != "" && m.GetEmail() != c.email || m.GetPhone() != "+491" || !c.fails && s.Empty(m, leaves[0]) && c.path != "billing_address" {
			t.Errorf("%s makes %v", c.from, m)
		}
	}
	m := &canonicalv1.Customer{Email: proto.String("before@example.com")}
	if err := s.SetJSON(m, "email", []model.Path{"email"}, nil); err != nil || m.Email != nil {
		t.Errorf("null leaves %v (%v)", m, err)
	}
}

func decodeStruct(t *testing.T, text string) *structpb.Value {
	t.Helper()
	v := &structpb.Value{}
	if err := v.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return v
}

func split(path model.Path) iter.Seq[string] { return strings.SplitSeq(string(path), ".") }
