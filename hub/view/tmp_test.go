package view_test

import (
	"maps"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
)

func BenchmarkTmp(b *testing.B) {
	m := modeltest.Full(schema, 1)
	n := modeltest.Full(schema, 1)
	raw, _ := proto.Marshal(m)
	b.Logf("%d bytes", len(raw))
	b.Run("clone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			proto.Clone(m)
		}
	})
	b.Run("marshal", func(b *testing.B) {
		for b.Loop() {
			proto.Marshal(m)
		}
	})
	b.Run("unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x := schema.New()
			proto.Unmarshal(raw, x)
		}
	})
	b.Run("equal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			proto.Equal(m, n)
		}
	})
	b.Run("attributes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, p := range schema.Paths() {
				schema.Equal(m, n, p)
			}
		}
	})
	set := map[model.Path]bool{}
	for _, p := range schema.Paths() {
		set[p] = true
	}
	b.Run("maps", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			maps.Clone(set)
		}
	})
}
