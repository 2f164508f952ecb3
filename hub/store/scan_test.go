package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// TestScanReadsWhatBundleReads compares all that a bundle has, what others add to it included.
func TestScanReadsWhatBundleReads(t *testing.T) {
	t.Parallel()
	shop, crm := hubtest.NewVendor(), hubtest.NewVendor()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": crm}, Policies: hubtest.Preferring("shop", "crm")})
	const records = 201 // more than a page
	for i := range records {
		id := h.Observe("shop", shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", fmt.Sprintf("ada%d@example.com", i)))).RecordID
		if i%10 > 0 {
			continue
		}
		h.Observe("crm", crm.Edit(hubtest.ID("c", i), hubtest.Named("Ada L", fmt.Sprintf("ada%d@example.com", i)))) // owed
		err := h.Store.InTx(t.Context(), func(tx *store.Tx) error {
			b, err := tx.LockBundle(t.Context(), id)
			if err != nil {
				return err
			}
			tx.PutReview(store.Review{Reason: store.Held, LinkKey: store.LinkKey{Kind: "customer"}, Path: "email", RecordIDs: []store.RecordID{id}})
			return tx.PutAttempt(t.Context(), &store.Attempt{RecordID: id, Connection: "crm", Kind: "customer", Key: string(id), Sent: b.Record.Message,
				Request: []byte("x"), Paths: []model.Path{"email"}, Revision: 1})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// One review is about two records, and one of them is merged into the other: it answers no more by itself.
	a := h.Observe("shop", shop.Edit("m1", hubtest.Named("Bea", "bea1@example.com"))).RecordID
	b := h.Observe("shop", shop.Edit("m2", hubtest.Named("Bea", "bea2@example.com"))).RecordID
	err := h.Store.InTx(t.Context(), func(tx *store.Tx) error {
		tx.PutReview(store.Review{Reason: store.SharedKey, LinkKey: store.LinkKey{Kind: "customer"}, RecordIDs: []store.RecordID{a, b}})
		tx.PutMerge(b, &store.Record{ID: a})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[store.RecordID]bool{}
	full := 0
	err = h.Store.Scan(t.Context(), func(got *store.Bundle) error {
		seen[got.Record.ID] = true
		if len(got.Reviews) > 0 && len(got.Pending) > 0 && len(got.Deliveries) > 0 && len(got.Links) > 1 && len(got.MatchKeys) > 0 && got.ActivePolicy > 0 {
			full++
		}
		if diff := cmp.Diff(h.Bundle(got.Record.ID), got, cmp.Exporter(func(reflect.Type) bool { return true }), cmp.Comparer(proto.Equal),
			cmp.Comparer(func(a, b *model.Schema) bool { return a == b })); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != records+1 || seen[b] || full != 21 {
		t.Errorf("%d records are visited, %d of them with everything, the merged one %t; want %d, 21, false", len(seen), full, seen[b], records+1)
	}
	if got := h.Bundle(a); len(got.Reviews) != 1 {
		t.Errorf("the record that lives on has %d reviews, want one", len(got.Reviews))
	}
}

func TestScanEndsWithItsVisitor(t *testing.T) {
	t.Parallel()
	shop := hubtest.NewVendor()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop}, Policies: hubtest.Preferring("shop")})
	for i := range 3 {
		h.Observe("shop", shop.Edit(hubtest.ID("s", i), func(c *canonicalv1.Customer) { c.Note = proto.String("x") }))
	}
	enough := errors.New("enough")
	visits := 0
	if err := h.Store.Scan(t.Context(), func(*store.Bundle) error { visits++; return enough }); !errors.Is(err, enough) || visits != 1 {
		t.Errorf("%v after %d visits", err, visits)
	}
}
