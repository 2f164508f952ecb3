package adaptertest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/adapters"
)

var openChecks = []check{
	{"WhatNobodyKnowsIsReported", nil, unknownIsReported},
}

const (
	strangeField = "x_canonhub_field"
	strangeValue = "x_canonhub_value"
)

// Vendors add fields and enum values without notice: neither is an error, and both are told.
func unknownIsReported(t testing.TB, s Suite) {
	fields, enums := 0, 0
	for _, place := range s.Open {
		g := s.inputOf(t, place.File)
		if place.Path == "" {
			fields++
			s.reportsField(t, g, place)
			continue
		}
		enums++
		s.reportsValue(t, g, place)
	}
	if fields == 0 {
		t.Error("Open names no object that may get a new field")
	}
	if enums == 0 && s.carriesAnEnum(t) {
		t.Error("Open names no enum that may get a new value, and the adapter carries enums")
	}
}

func (s Suite) inputOf(t testing.TB, file string) recorded {
	t.Helper()
	all := append(s.goldenAnswers(t), s.read(t, "*.json", "")...)
	i := slices.IndexFunc(all, func(g recorded) bool { return g.name == file })
	if i < 0 {
		t.Fatalf("Open names the file %q, which is not below %s", file, s.Golden)
	}
	return all[i]
}

func (s Suite) reportsField(t testing.TB, g recorded, place Place) {
	t.Helper()
	plain := s.observationsOf(t, g, g.input)
	strange := s.observationsOf(t, g, withValue(t, g.input, place.Pointer+"/"+strangeField, strangeValue))
	if len(plain) != len(strange) {
		t.Errorf("%s with another field at %q: %d observations instead of %d", g.name, place.Pointer, len(strange), len(plain))
		return
	}
	told := false
	for i := range strange {
		told = told || slices.ContainsFunc(strange[i].Unknown, func(u string) bool { return strings.HasSuffix(u, strangeField) })
		if !proto.Equal(plain[i].Message, strange[i].Message) {
			t.Errorf("%s: another field at %q changes the message to %v", g.name, place.Pointer, strange[i].Message)
		}
	}
	if !told {
		t.Errorf("%s: another field at %q is not in Unknown, as %q", g.name, place.Pointer, strangeField)
	}
}

func (s Suite) reportsValue(t testing.TB, g recorded, place Place) {
	t.Helper()
	all := s.observationsOf(t, g, withValue(t, g.input, place.Pointer, strangeValue))
	told := false
	for _, o := range all {
		told = told || slices.ContainsFunc(o.Unknown, func(u string) bool { return strings.HasSuffix(u, "="+strangeValue) })
		if o.Message == nil {
			continue
		}
		number, raw, ok := enumAt(o.Message, place.Path)
		if !ok {
			t.Errorf("%s: %s is no enum with a text beside it", g.name, place.Path)
			return
		}
		if number != 0 || raw != strangeValue {
			t.Errorf("%s: a new value at %q is read as %d with the text %q, want 0 with %q", g.name, place.Pointer, number, raw, strangeValue)
		}
	}
	if !told {
		t.Errorf("%s: a new value at %q is not in Unknown, as \"field=%s\"", g.name, place.Pointer, strangeValue)
	}
}

// enumAt reads an enum and the text beside it.
func enumAt(m proto.Message, path string) (number protoreflect.EnumNumber, raw string, ok bool) {
	r := m.ProtoReflect()
	name := path
	if group, part, split := strings.Cut(path, "."); split {
		parent := r.Descriptor().Fields().ByName(protoreflect.Name(group))
		if parent == nil || parent.Kind() != protoreflect.MessageKind || parent.IsMap() {
			return 0, "", false
		}
		r, name = r.Get(parent).Message(), part
	}
	field := r.Descriptor().Fields().ByName(protoreflect.Name(name))
	beside := r.Descriptor().Fields().ByName(protoreflect.Name(name + "_raw"))
	if field == nil || field.Kind() != protoreflect.EnumKind || beside == nil {
		return 0, "", false
	}
	return r.Get(field).Enum(), r.Get(beside).String(), true
}

func (s Suite) carriesAnEnum(t testing.TB) bool {
	t.Helper()
	for _, c := range s.carries() {
		for _, path := range c.In {
			if _, _, ok := enumAt(schema(t, c.Kind).New(), strings.TrimSuffix(path, ".*")); ok {
				return true
			}
		}
	}
	return false
}

// observationsOf is what a golden input says, bent or not.
func (s Suite) observationsOf(t testing.TB, g recorded, input []byte) []adapters.Observation {
	t.Helper()
	if g.kind != "" {
		api := s.api(t)
		api.says(http.StatusOK, "application/json", input)
		o, err := api.fetch(g)
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			return nil
		}
		return []adapters.Observation{o}
	}
	a := s.unconnected(t, s.settings(nil))
	if a.Webhook == nil {
		t.Fatalf("%s is a webhook, and the adapter has no Webhook", g.name)
	}
	events, err := a.Webhook.Split(s.request(g.name, input))
	if err != nil {
		t.Errorf("%s: split: %v", g.name, err)
	}
	var all []adapters.Observation
	for _, e := range events {
		out, err := a.Translator.Translate(e)
		if err != nil {
			t.Errorf("%s: translate: %v", g.name, err)
		}
		all = append(all, out.Observations...)
	}
	return all
}
