package store_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

var rows = flag.Int("rows", 100_000, "how many records the test of plans loads")

// epoch is when the loaded records began.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// loaded is the n-th of the loaded records' ids: one in ten is an order's.
func loaded(n int) store.RecordID {
	return store.RecordID(fmt.Sprintf("%s_01h455vb4pex5v%012d", loadedKind(n), n))
}

func loadedKind(n int) model.Kind {
	if n%10 == 9 {
		return model.Order
	}
	return model.Customer
}

// table is one table's rows: some for each of the records, or for some of them.
type table struct {
	name    string
	every   int
	columns []string
	rows    func(n int) [][]any
}

// load fills every table that grows with the records, by COPY, and has the planner look at them.
func load(t testing.TB, db *store.Store) {
	t.Helper()
	began := time.Now()
	message, err := proto.Marshal(&canonicalv1.Customer{Note: proto.String("some note of the usual length")})
	must(t, err)
	conn, err := db.Pool().Acquire(t.Context())
	must(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), withoutForeignKeys)
	must(t, err)
	for _, table := range tables(message) {
		var (
			n     int
			batch [][]any
		)
		source := pgx.CopyFromFunc(func() ([]any, error) {
			for len(batch) == 0 {
				if n >= *rows {
					return nil, nil
				}
				batch = table.rows(n)
				n += table.every
			}
			row := batch[0]
			batch = batch[1:]
			return row, nil
		})
		_, err := conn.CopyFrom(t.Context(), pgx.Identifier{table.name}, table.columns, source)
		must(t, err)
	}
	_, err = conn.Exec(t.Context(), `vacuum (analyze)`)
	must(t, err)
	t.Logf("%d records were loaded in %v", *rows, time.Since(began).Round(time.Millisecond))
}

// withoutForeignKeys drops them: the rows fit, and to check that takes as long as loading them.
const withoutForeignKeys = `do $$ declare c record; begin
	for c in select conrelid::regclass as relation, conname from pg_constraint where contype = 'f' and conrelid::regclass::text not like 'river%' loop
		execute format('alter table %s drop constraint %I', c.relation, c.conname);
	end loop;
end $$`

// tables are skewed as real ones are: nearly all is done and settled, half of the customers are in one stage.
func tables(message []byte) []table {
	at := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }
	external := func(n int) string { return fmt.Sprintf("s%d", n) }
	one := func(row ...any) [][]any { return [][]any{row} }
	rare := func(n int, usual, rare string) string {
		if n%1000 == 8 {
			return rare
		}
		return usual
	}
	return []table{
		{"records", 1, []string{"id", "kind", "revision", "message", "provenance", "policy_version", "creator", "placeholder", "created_at", "updated_at", "deleted_at"},
			func(n int) [][]any {
				var deleted any
				if n%1000 == 3 {
					deleted = at(n)
				}
				policy := 2
				if n%1000 == 5 {
					policy = 1
				}
				return one(string(loaded(n)), string(loadedKind(n)), 1, message, []byte{}, policy, "shop", n%1000 == 4, at(n), at(n+n%100), deleted)
			}},
		{"promoted_attributes", 1, []string{"kind", "attribute", "value", "record_id"}, func(n int) [][]any {
			var all [][]any
			for _, e := range attributesOf(n) {
				all = append(all, []any{string(loadedKind(n)), string(e.Path), []byte(e.Key), string(loaded(n))})
			}
			return all
		}},
		{"links", 4, []string{"connection", "kind", "external_id", "record_id", "state", "is_primary", "epoch"}, func(n int) [][]any {
			return one("shop", string(loadedKind(n)), external(n), string(loaded(n)), "live", true, 0)
		}},
		{"views", 4, []string{"record_id", "source", "external_id", "state", "mapping_version"}, func(n int) [][]any {
			return one(string(loaded(n)), "shop", external(n), []byte{}, 1)
		}},
		{"match_keys", 4, []string{"kind", "attribute", "value", "record_id"}, func(n int) [][]any {
			return one(string(loadedKind(n)), "email", fmt.Sprintf("%d@example.com", n), string(loaded(n)))
		}},
		{"changes", 4, []string{"record_id", "revision", "kind", "paths", "source", "correlation_id", "changed_at", "message", "created_at"}, func(n int) [][]any {
			var all [][]any
			for revision := range 1 + n%100/96*4 { // one in twenty-five was changed often
				all = append(all, []any{string(loaded(n)), revision + 1, string(loadedKind(n)), []string{"email"}, "shop", external(n),
					at(n + revision), message, at(n)})
			}
			return all
		}},
		{"receipts", 4, []string{"id", "connection", "event_key", "type", "body", "correlation_id", "traceparent", "state", "received_at"}, func(n int) [][]any {
			return one(external(n), "shop", external(n), "customer.updated", []byte("{}"), external(n), "", rare(n, "done", "pending"), at(n))
		}},
		{"receipt_keys", 4, []string{"connection", "event_key"}, func(n int) [][]any { return one("shop", external(n)) }},
		{"deliveries", 4, []string{"record_id", "connection", "kind", "state", "revision", "correlation_id", "traceparent", "updated_at", "waits_for"}, func(n int) [][]any {
			return one(string(loaded(n)), "crm", string(loadedKind(n)), rare(n, "settled", "owed"), 1, external(n), "", at(n), rare(n, "", string(loaded(n+1))))
		}},
		{"attempts", 4, []string{"record_id", "connection", "kind", "external_id", "revision", "idempotency_key", "request", "paths", "sent", "sent_after", "state"}, func(n int) [][]any {
			made := "" // by the half of them
			if n%8 == 0 {
				made = external(n)
			}
			return one(string(loaded(n)), "crm", string(loadedKind(n)), made, 1, external(n), []byte{}, []string{"email"}, []byte{}, []byte{}, rare(n, "acknowledged", "pending"))
		}},
		{"reviews", 4, []string{"kind", "reason", "connection", "external_id", "path", "record_ids", "subject", "about", "correlation_id", "resolution", "opened_at", "closed_at"},
			func(n int) [][]any {
				var closed any = at(n)
				if n%1000 == 8 {
					closed = nil
				}
				if n%8 == 4 {
					return one(string(loadedKind(n)), "ambiguous_match", "crm", external(n), "", []string{string(loaded(n))}, external(n), "", external(n), "resolved", at(n), at(n))
				}
				return one(string(loadedKind(n)), "held", "", "", "phone", []string{string(loaded(n))}, external(n), "", external(n), rare(n, "resolved", ""), at(n), closed)
			}},
		{"review_records", 4, []string{"record_id", "review_id"}, func(n int) [][]any { return one(string(loaded(n)), n/4+1) }},
		{"unlinked", 4, []string{"connection", "kind", "external_id", "record_id"}, func(n int) [][]any {
			return one("crm", string(loadedKind(n)), external(n), string(loaded(n)))
		}},
		{"erasures", 4, []string{"object_sha256", "kind", "connection", "record_id", "erased_by"}, func(n int) [][]any {
			return one([]byte(external(n)), string(loadedKind(n)), "crm", string(loaded(n)), "eve")
		}},
		{"receipt_objects", 4, []string{"receipt_id", "object_sha256"}, func(n int) [][]any { return one(external(n), []byte(external(n))) }},
		{"requests", 4, []string{"caller", "request_id", "fingerprint", "answer", "record_id"}, func(n int) [][]any {
			return one("billing", external(n), []byte{}, []byte{}, string(loaded(n)))
		}},
		{"merges", 100, []string{"merged", "survivor", "was_placeholder", "was_creator", "undone_at"}, func(n int) [][]any {
			return one(string(loaded(n+4)), string(loaded(n)), false, "shop", at(n))
		}},
		{"river_job", 4, []string{"kind", "queue", "max_attempts", "state", "finalized_at", "args"}, func(n int) [][]any {
			return one("translate", "in-shop", 25, "completed", at(n), map[string]string{"receipt_id": external(n), "record_id": string(loaded(n))})
		}},
		{"dead_letters", 4, []string{"subject", "connection", "record_id", "category", "reason", "attempts", "correlation_id"}, func(n int) [][]any {
			return one("delivery", fmt.Sprint("crm ", n/4%10), string(loaded(n)), "permanent", "no", 1, external(n))
		}},
		{"orphans", 4, []string{"kind", "attribute", "value", "connection", "external_id", "receipt_id"}, func(n int) [][]any {
			return one("customer", "email", fmt.Sprintf("%d@elsewhere.example", n), "crm", external(n), external(n))
		}},
		{"audit", 4, []string{"action", "correlation_id", "connection", "record_id"}, func(n int) [][]any {
			return one("applied", external(n), "shop", string(loaded(n)))
		}},
		{"pull_seen", 4, []string{"connection", "kind", "external_id", "run_id"}, func(n int) [][]any {
			return one("shop", string(loadedKind(n)), external(n), rare(n, "run", "earlier"))
		}},
		{"pull_findings", 4, []string{"connection", "kind", "run_id", "finding", "external_id", "repaired"}, func(n int) [][]any {
			return one(fmt.Sprint("shop ", n/4%1000), "customer", "run", "differing", external(n), true)
		}},
		{"pulls", 1000, []string{"connection", "kind", "next_at"}, func(n int) [][]any {
			return one(fmt.Sprint("shop ", n), "customer", time.Now().Add(time.Hour))
		}},
		{"drift_shapes", 50, []string{"connection", "kind", "op", "shape"}, func(n int) [][]any {
			return one(fmt.Sprint("shop ", n), "customer", "fetch", []byte("{}"))
		}},
		{"drift", 1000, []string{"connection", "kind", "change", "path", "detail", "seen"}, func(n int) [][]any {
			return one(fmt.Sprint("shop ", n), "customer", "unknown_field", "p", "", 1)
		}},
		{"gone_objects", 4, []string{"connection", "kind", "external_id", "gone_at"}, func(n int) [][]any {
			return one("crm", "customer", external(n), at(n))
		}},
	}
}

// attributesOf has, of the values that half of the records share to those of one alone, each kind of number.
func attributesOf(n int) []model.Entry {
	if loadedKind(n) == model.Order {
		return []model.Entry{{Path: "number", Key: model.TextKey(fmt.Sprint("#", n))}}
	}
	stage := int32(canonicalv1.LifecycleStage_LIFECYCLE_STAGE_CUSTOMER)
	if n%2 == 0 {
		stage = int32(n / 2 % 5)
	}
	return []model.Entry{
		{Path: "email", Key: model.TextKey(fmt.Sprintf("%d@example.com", n))},
		{Path: "company", Key: model.TextKey(fmt.Sprint("company ", n%1000))},
		{Path: "lifecycle_stage", Key: model.EnumKey(stage)},
		{Path: "tags", Key: model.TextKey("all")},
		{Path: "tags", Key: model.TextKey(fmt.Sprint("tag ", n%50))},
	}
}
