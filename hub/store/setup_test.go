package store_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.jetify.com/typeid/v2"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// setup opens a store on a database of its own.
func setup(t testing.TB, tracer pgx.QueryTracer) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), hubtest.Database(t), store.Options{Tracer: tracer})
	must(t, err)
	t.Cleanup(db.Close)
	return db
}

// put stores a record as it is now, with what lists know of it.
func put(t testing.TB, db *store.Store, r *store.Record) {
	t.Helper()
	must(t, write(db, r))
}

func write(db *store.Store, r *store.Record) error {
	r.Revision++
	return db.InTx(context.Background(), func(tx *store.Tx) error {
		if err := tx.PutRecord(r); err != nil {
			return err
		}
		schema := model.For(r.Kind)
		tx.PutPromoted(r, append(schema.Paths(), schema.Custom(r.Message)...))
		return nil
	})
}

func newRecord(t testing.TB, message proto.Message) *store.Record {
	t.Helper()
	kind := model.KindOf(message)
	return &store.Record{ID: newID(t, kind), Kind: kind, Message: message, Provenance: &storev1.Provenance{}, PolicyVersion: 1, Creator: "shop"}
}

func newID(t testing.TB, kind model.Kind) store.RecordID {
	t.Helper()
	id, err := typeid.Generate(string(kind))
	must(t, err)
	return store.RecordID(id.String())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
