package store_test

import (
	"testing"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// BenchmarkList reads first pages among the records of the test of plans (-rows says how many).
func BenchmarkList(b *testing.B) {
	db := setup(b, nil)
	load(b, db)
	half := store.Condition{Field: "lifecycle_stage", Any: []model.Key{stage(6)}}
	for _, l := range []struct {
		name  string
		query store.ListQuery
	}{
		{"all", store.ListQuery{}},
		{"one", store.ListQuery{Where: []store.Condition{text("email", "100@example.com")}}},
		{"one in a thousand, by e-mail", store.ListQuery{OrderBy: "email", Where: []store.Condition{text("company", "company 100")}}},
		{"half", store.ListQuery{Where: []store.Condition{half}}},
		// Odd ones are in one stage, and even ones have even tags: the page looks through all that it may and finds none.
		{"none of many", store.ListQuery{Where: []store.Condition{half, text("tags", "tag 0", "tag 2", "tag 4", "tag 6", "tag 8", "tag 10")}}},
		{"all with their size", store.ListQuery{Count: true}},
		{"half with their size", store.ListQuery{Count: true, Where: []store.Condition{half}}},
	} {
		b.Run(l.name, func(b *testing.B) {
			l.query.Kind, l.query.Limit = model.Customer, 50
			for b.Loop() {
				if _, err := db.List(b.Context(), l.query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
