package view_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/view"
)

// BenchmarkObserve is what apply does with one webhook: take it into a full view of a full customer, and walk.
func BenchmarkObserve(b *testing.B) {
	schema := model.For(model.Customer)
	paths := append(schema.Paths(), "custom.*")
	at := func(second int) view.Stamp { return view.Stamp{Time: time.Unix(int64(second), 0)} }
	messages := make([]proto.Message, 16)
	for i := range messages {
		messages[i] = proto.Clone(modeltest.Full(schema, 0))
		schema.Copy(messages[i], modeltest.Full(schema, i), "email")
		schema.Copy(messages[i], modeltest.Full(schema, i), "billing_address.city")
	}
	v := view.New(schema)
	second := 0
	observe := func() {
		second++
		v.Observe(view.Observation{Stamp: at(second), Message: messages[second%len(messages)], Paths: paths, Snapshot: true})
	}
	for range 20 {
		observe()
	}
	b.Run("observe", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			observe()
		}
	})
	b.Run("observe+state", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			observe()
			v.State()
		}
	})
	b.Run("state", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.State()
		}
	})
	stored, err := v.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("stored: %d bytes", len(stored))
	b.Run("decode+observe+state+encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, err := view.Decode(schema, stored)
			if err != nil {
				b.Fatal(err)
			}
			w.Observe(view.Observation{Stamp: at(second + 1), Message: messages[second%len(messages)], Paths: paths, Snapshot: true})
			w.State()
			if _, err := w.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
