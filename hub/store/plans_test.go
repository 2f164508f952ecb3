package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// recorder notes the statements that the store sends, once each, with the arguments of the first time.
type recorder struct {
	mu   sync.Mutex
	on   bool
	seen map[string]bool
	all  []recorded
}

type recorded struct {
	by   string
	sql  string
	args []any
}

func (r *recorder) note(sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	verb, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	if !r.on || r.seen[sql] || !slices.Contains([]string{"select", "insert", "update", "delete", "with"}, verb) {
		return
	}
	r.seen[sql] = true
	r.all = append(r.all, recorded{sql: sql, args: args})
}

// by names the statements that do sends.
func (r *recorder) by(name string, do func()) {
	before := len(r.all)
	do()
	for i := range r.all[before:] {
		r.all[before+i].by = name
	}
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.note(data.SQL, data.Args)
	return ctx
}
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		r.note(q.SQL, q.Arguments)
	}
	return ctx
}
func (r *recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// Every statement that the hub sends again and again is planned over indexes, and reads no more than a bounded number of
// rows, however many records there are. Plans are asked for as the store sends the statements, both with the arguments
// and as the generic plans to which PostgreSQL turns after some executions.
func TestPlansAreBackedByIndexes(t *testing.T) {
	t.Parallel()
	r := &recorder{seen: map[string]bool{}}
	db := setup(t, r)
	load(t, db)
	most := store.Bounds{Few: *rows / 200, Scan: *rows / 50, Count: *rows / 10} // at a million, the hub's own
	r.on = true
	began := time.Now()
	everyMethod(t, db, r)
	everyList(t, db.Bounded(most), r)
	r.on = false
	t.Logf("%d statements were sent in %v", len(r.all), time.Since(began).Round(time.Millisecond))
	if len(r.all) < 200 {
		t.Fatalf("only %d statements were recorded", len(r.all))
	}
	began = time.Now()
	conn, err := db.Pool().Acquire(t.Context())
	must(t, err)
	defer conn.Release()
	for _, s := range r.all {
		for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
			plan := explain(t, conn, s, mode)
			if faults := plan.faults(mayRead(s, most)); len(faults) > 0 {
				t.Errorf("%s, %s: %s\n%s", s.by, mode, strings.Join(faults, "; "), s.sql)
			}
		}
	}
	t.Logf("they were explained in %v", time.Since(began).Round(time.Millisecond))
}

// mayRead is how many rows one node of a statement's plan may read.
func mayRead(s recorded, most store.Bounds) float64 {
	if strings.HasPrefix(s.by, "size of") {
		return float64(most.Count + 1)
	}
	return float64(most.Scan + 1)
}

// plan is a node of PostgreSQL's plan.
type plan struct {
	Type      string  `json:"Node Type"`
	Relation  string  `json:"Relation Name"`
	Index     string  `json:"Index Name"`
	IndexCond string  `json:"Index Cond"`
	Rows      float64 `json:"Actual Rows"`
	Loops     float64 `json:"Actual Loops"`
	Removed   float64 `json:"Rows Removed by Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Subplan   string  `json:"Subplan Name"`
	CTE       string  `json:"CTE Name"`
	Plans     []plan  `json:"Plans"`
}

// explain runs a statement, of which nothing stays, and returns its plan with what it read.
func explain(t *testing.T, conn *pgxpool.Conn, s recorded, mode string) plan {
	t.Helper()
	var answer []byte
	err := pgx.BeginTxFunc(t.Context(), conn, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "set local plan_cache_mode = "+mode); err != nil {
			return err
		}
		if _, err := tx.Prepare(t.Context(), "asked", s.sql); err != nil {
			return err
		}
		args := []any{pgx.QueryExecModeSimpleProtocol}
		var places []string
		for i, arg := range s.args {
			args, places = append(args, plain(arg)), append(places, fmt.Sprintf("$%d", i+1))
		}
		execute := "explain (analyze, timing off, format json) execute asked"
		if len(places) > 0 {
			execute += "(" + strings.Join(places, ", ") + ")"
		}
		if err := tx.QueryRow(t.Context(), execute, args...).Scan(&answer); err != nil {
			return err
		}
		return errStay
	})
	if !errors.Is(err, errStay) {
		t.Fatalf("%s: %v\n%s", s.by, err, s.sql)
	}
	must(t, conn.Conn().Deallocate(t.Context(), "asked"))
	var found []struct{ Plan plan }
	must(t, json.Unmarshal(answer, &found))
	return found[0].Plan
}

// errStay rolls a transaction back: the rows stay as they are.
var errStay = errors.New("stay")

// plain is an argument without the store's types, which the simple protocol does not know.
func plain(arg any) any {
	v := reflect.ValueOf(arg)
	switch {
	case arg == nil || v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.String:
		return v.String()
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = v.Index(i).String()
		}
		return texts
	}
	return arg
}

// configured are tables that do not grow with the records.
var configured = []string{"policies", "connections", "oauth_tokens", "oauth_states", "credentials", "connection_shares", "brakes", "erasure_salt", "change_log", "changes_seq_seq", "pg_database"}

// ofOne are index conditions that leave what belongs to one record, object, key or event.
var ofOne = regexp.MustCompile(`\b(record_id|id|external_id|correlation_id|merged_into|event_key) = |record_ids (&&|@>) `)

// faults lists what is wrong with a plan.
func (p plan) faults(most float64) []string {
	var faults []string
	where := p.Type + " on " + p.Relation + " " + p.Index
	switch {
	case p.Type == "Seq Scan" && !slices.Contains(configured, p.Relation):
		faults = append(faults, where)
	case p.Index != "" && p.IndexCond == "":
		faults = append(faults, where+" without a condition")
	case (p.Type == "Sort" || p.Type == "Incremental Sort") && !p.bounded():
		faults = append(faults, "a sort of what is not bounded")
	case len(p.Plans) == 0 && (p.Rows+p.Removed+p.Rechecked)*p.Loops > most:
		faults = append(faults, fmt.Sprintf("%s reads %.0f rows", where, (p.Rows+p.Removed+p.Rechecked)*p.Loops))
	}
	for _, below := range p.Plans {
		faults = append(faults, below.faults(most)...)
	}
	return faults
}

// bounded says that a node returns what a limit, or one record, leaves of the rows there are.
func (p plan) bounded() bool {
	switch {
	case p.Type == "Limit" || p.Type == "Result" || p.Type == "Function Scan" || ofOne.MatchString(p.IndexCond):
		return true
	case slices.Contains(configured, p.Relation) || slices.Contains([]string{"arrived", "fresh", "taken", "wanted"}, p.CTE):
		return true
	case p.Relation == "orphans" || p.Relation == "match_keys": // of keys, which are of one party each
		return true
	case len(p.Plans) == 0:
		return false
	}
	return !slices.ContainsFunc(p.Plans, func(below plan) bool { return !below.bounded() })
}

// everyMethod calls what the hub calls again and again, with lists apart.
func everyMethod(t *testing.T, db *store.Store, r *recorder) {
	t.Helper()
	ctx := t.Context()
	id, often, key := loaded(100), loaded(196), store.LinkKey{Connection: "shop", Kind: model.Customer, ExternalID: "s100"}
	read := func(name string, do func() error) {
		r.by(name, func() {
			if err := do(); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, errStay) {
				t.Fatalf("%s: %v", name, err)
			}
		})
	}
	read("Record", func() error { _, err := db.Record(ctx, id); return err })
	read("Records", func() error { _, err := db.Records(ctx, []store.RecordID{id, loaded(101), loaded(5000)}); return err })
	read("Share", func() error { _, err := db.Share(ctx, "shop", "one", time.Second); return err })
	read("CountCalls", func() error { _, err := db.CountCalls(ctx, "shop", 1); return err })
	read("Slow", func() error { return db.Slow(ctx, "shop", time.Millisecond) })
	read("Break", func() error { return db.Break(ctx, "shop", time.Millisecond, time.Second) })
	read("Mend", func() error { _, err := db.Mend(ctx, "shop"); return err })
	read("Lookup", func() error { _, err := db.Lookup(ctx, "shop", model.Customer, "s100"); return err })
	read("Bundle", func() error { _, err := db.Bundle(ctx, id); return err })
	read("Epoch", func() error { _, err := db.Epoch(ctx, key); return err })
	read("ChangeLog", func() error { _, err := db.ChangeLog(ctx); return err })
	read("Retries", func() error { _, err := db.Retries(ctx, "out-shop", store.Failed, store.RetryPlace{}, 50); return err })
	read("ChangeWriters", func() error { _, err := db.ChangeWriters(ctx); return err })
	some := store.ChangesQuery{After: 100, Until: 1 << 40, Kinds: []model.Kind{model.Customer}, Sources: []string{"shop"}, Limit: 500, Bytes: 1 << 20}
	read("Changes", func() error { _, err := db.Changes(ctx, some); return err })
	some.Kinds, some.Sources = []model.Kind{model.Ticket}, nil
	read("Changes, of which few are wanted", func() error { _, err := db.Changes(ctx, some); return err })
	page := store.SnapshotQuery{Kind: model.Customer, At: 1 << 40, After: id, Limit: 500, Bytes: 1 << 20}
	read("Snapshot", func() error { _, err := db.Snapshot(ctx, page); return err })
	read("Revisions", func() error {
		_, _, err := db.Revisions(ctx, store.RevisionsQuery{ID: often, Before: 5, Limit: 500, Bytes: 1 << 20})
		return err
	})
	read("RevisionOf", func() error { _, err := db.RevisionOf(ctx, often, 2); return err })
	read("RevisionAt", func() error { _, err := db.RevisionAt(ctx, often, epoch); return err })
	read("RecordItself", func() error { _, err := db.RecordItself(ctx, id); return err })
	read("Now", func() error { _, err := db.Now(ctx); return err })
	read("CutChanges", func() error { _, err := db.CutChanges(ctx, time.Second, 1<<40, 500); return err })
	waiting := store.Waiting{Since: epoch, ID: string(id), Connection: "crm"}
	read("OwedDeliveries", func() error { _, _, err := db.OwedDeliveries(ctx, time.Second, waiting, 10); return err })
	read("WaitingFor", func() error {
		return db.InTx(ctx, func(tx *store.Tx) error { _, err := tx.WaitingFor(ctx, id, "crm", 500); return err })
	})
	read("PendingReceipts", func() error { _, _, err := db.PendingReceipts(ctx, time.Second, waiting, 100); return err })
	read("Receipt", func() error { _, err := db.Receipt(ctx, "s100"); return err })
	read("RecordsBehind", func() error { _, err := db.RecordsBehind(ctx, 2, 100); return err })
	read("TrailOf", func() error { _, err := db.TrailOf(ctx, "s100"); return err })
	read("DeadLetters", func() error {
		for _, connection := range []string{"", "crm 1"} {
			if _, err := db.DeadLetters(ctx, store.LetterQuery{Connection: connection, Kinds: model.Kinds(), Limit: 100}); err != nil {
				return err
			}
		}
		return nil
	})
	read("DeadLetter", func() error { _, err := db.DeadLetter(ctx, 100); return err })
	lane := store.Lane{Connection: "shop", Kind: model.Customer}
	run := &store.Pull{Lane: lane, Run: store.PullRun{ID: "run", StartedAt: time.Now().Add(time.Hour)}}
	read("Pull", func() error {
		_, err := db.Pull(ctx, store.Lane{Connection: "shop 1000", Kind: model.Customer})
		return err
	})
	read("DuePulls", func() error { _, err := db.DuePulls(ctx); return err })
	read("Backfilled", func() error { _, err := db.Backfilled(ctx, lane); return err })
	read("LastReceived", func() error { _, _, err := db.LastReceived(ctx, "shop", 50); return err })
	read("Known", func() error { _, err := db.Known(ctx, lane, []string{"s100", "s104"}); return err })
	read("Unseen", func() error { _, _, err := db.Unseen(ctx, run, "s100", 50); return err })
	read("Findings", func() error {
		_, err := db.Findings(ctx, store.Lane{Connection: "shop 7", Kind: model.Customer}, 7, 50)
		return err
	})
	read("OAuthToken", func() error { _, err := db.OAuthToken(ctx, "shop"); return err })
	read("LeaseOAuth", func() error { _, err := db.LeaseOAuth(ctx, "shop", 1, "one", time.Minute); return err })
	read("ReleaseOAuth", func() error { return db.ReleaseOAuth(ctx, "shop", "one") })
	read("RenewOAuth", func() error { _, err := db.RenewOAuth(ctx, "shop", 1, []byte("x"), nil); return err })
	read("GrantOAuth", func() error { return db.GrantOAuth(ctx, "shop", []byte("x"), nil, "kim") })
	read("RefuseOAuth", func() error { return db.RefuseOAuth(ctx, "shop", 1, "no") })
	read("PutOAuthState", func() error {
		return db.PutOAuthState(ctx, store.OAuthState{SHA256: []byte("x"), Connection: "shop", Sealed: []byte("x")}, time.Minute)
	})
	read("TakeOAuthState", func() error { _, err := db.TakeOAuthState(ctx, []byte("x"), time.Minute); return err })
	credential := store.CredentialKey{Connection: "shop", Name: "api_key"}
	read("Credentials", func() error { _, err := db.Credentials(ctx, []string{"crm", "shop"}); return err })
	read("CredentialVersions", func() error { _, err := db.CredentialVersions(ctx, credential); return err })
	read("SealedCredentials", func() error { _, err := db.SealedCredentials(ctx); return err })
	read("ResealCredential", func() error {
		_, err := db.ResealCredential(ctx, store.Credential{CredentialKey: credential, Version: 1, Sealed: []byte("x")}, []byte("y"))
		return err
	})
	read("SealedTokens", func() error { _, err := db.SealedTokens(ctx); return err })
	read("ResealToken", func() error {
		_, err := db.ResealToken(ctx, store.SealedToken{Connection: "shop", Version: 1, Sealed: []byte("x")}, []byte("y"))
		return err
	})
	drift := store.DriftKey{Connection: "shop 7", Kind: model.Customer, Change: store.UnknownField, Path: "p"}
	read("AddDrift", func() error { return db.AddDrift(ctx, []store.Drift{{DriftKey: drift}}, 500) })
	read("PutDriftShapes", func() error {
		return db.PutDriftShapes(ctx, []store.DriftShape{{Connection: "shop 7", Kind: "customer", Op: "fetch", Shape: []byte("{}")}})
	})
	read("DriftShapes", func() error { _, err := db.DriftShapes(ctx, "shop 7"); return err })
	read("Drift", func() error { _, err := db.Drift(ctx, "", model.Kinds(), drift, 50); return err })
	read("ActivePolicy", func() error { _, err := db.ActivePolicy(ctx); return err })
	read("Connection", func() error { _, err := db.Connection(ctx, "shop"); return err })
	read("EraseTraces", func() error { _, err := db.EraseTraces(ctx, id); return err })
	read("Scan", func() error { return db.Scan(ctx, func(*store.Bundle) error { return errStay }) })
	for name, do := range inTransactions(id, key) {
		read(name, func() error {
			return db.InTx(ctx, func(tx *store.Tx) error {
				if err := errors.Join(do(ctx, tx), tx.Flush(ctx)); err != nil {
					return err
				}
				return errStay
			})
		})
	}
}

// inTransactions are the steps of transactions.
func inTransactions(id store.RecordID, key store.LinkKey) map[string]func(context.Context, *store.Tx) error {
	keys := []store.MatchKey{{Attribute: "email", Value: "100@example.com"}, {Attribute: "email", Value: "7@elsewhere.example"}}
	elsewhere := store.LinkKey{Connection: "crm", Kind: model.Customer, ExternalID: "new"}
	credential := store.CredentialKey{Connection: "shop", Name: "api_key"}
	schema := model.For(model.Customer)
	record := &store.Record{ID: id, Kind: model.Customer, Revision: 2, Message: schema.New(), Provenance: &storev1.Provenance{}, PolicyVersion: 2}
	queue := func(do func(*store.Tx)) func(context.Context, *store.Tx) error {
		return func(_ context.Context, tx *store.Tx) error { do(tx); return nil }
	}
	pull := &store.Pull{Lane: store.Lane{Connection: "shop 1000", Kind: model.Customer}, Run: store.PullRun{ID: "run"}}
	return map[string]func(context.Context, *store.Tx) error{
		"WishPull": queue(func(tx *store.Tx) { tx.WishPull(pull.Lane, store.PullWish{Mode: store.Backfill}) }),
		"PutPull":  func(ctx context.Context, tx *store.Tx) error { return tx.PutPull(ctx, pull, store.PullWish{}) },
		"PutSeen":  queue(func(tx *store.Tx) { tx.PutSeen(pull, []string{"s100", "s104"}) }),
		"PutFindings": queue(func(tx *store.Tx) {
			tx.PutFindings([]store.Finding{{LinkKey: key, RunID: "run", What: store.Differing, RecordID: id}})
		}),
		"DropFindings": queue(func(tx *store.Tx) { tx.DropFindings(store.Lane{Connection: "shop 7", Kind: model.Customer}) }),
		"KeepReceipt": queue(func(tx *store.Tx) {
			tx.KeepReceipt(&store.Receipt{ID: "r_kept", Connection: "shop", Origin: store.OriginPull, EventKey: "kept"}, store.Kept{State: "dead"})
		}),
		"LockContact": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.LockContact(ctx, key, keys, []store.LinkKey{elsewhere})
			return err
		},
		"LockContact, the first": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.LockContact(ctx, elsewhere, keys, nil)
			return err
		},
		"LockContact, of no object": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.LockContact(ctx, store.LinkKey{Kind: model.Customer}, keys, []store.LinkKey{key})
			return err
		},
		"LockCredential": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.LockCredential(ctx, credential)
			return err
		},
		"PutCredential": func(ctx context.Context, tx *store.Tx) error {
			return tx.PutCredential(ctx, &store.Credential{CredentialKey: credential, Version: 9, Sealed: []byte("x")}, time.Hour)
		},
		"RetireCredential": queue(func(tx *store.Tx) { tx.RetireCredential(credential, 1, "kim") }),
		"ExpireCredentials": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ExpireCredentials(ctx, []string{"crm", "shop"})
			return err
		},
		"ExternalID": func(ctx context.Context, tx *store.Tx) error { _, err := tx.ExternalID(ctx, id, "shop"); return err },
		"LockBundle": func(ctx context.Context, tx *store.Tx) error { _, err := tx.LockBundle(ctx, id); return err },
		"AbandonedCreates": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.AbandonedCreates(ctx, id, "crm")
			return err
		},
		"TakeOrphans": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.TakeOrphans(ctx, model.Customer, keys)
			return err
		},
		"PutReceipts": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutReceipts(ctx, []*store.Receipt{{ID: "new", Connection: "shop", EventKey: "new", Body: []byte{}}, {ID: "old", Connection: "shop", EventKey: "s1", Body: []byte{}}})
			return err
		},
		"PutAttempt": func(ctx context.Context, tx *store.Tx) error {
			return tx.PutAttempt(ctx, &store.Attempt{RecordID: id, Connection: "crm", Kind: model.Customer, Key: "new", Request: []byte{}, Paths: []model.Path{"email"}, Sent: schema.New()})
		},
		"PutRecord": func(_ context.Context, tx *store.Tx) error { return tx.PutRecord(record) },
		"PutView": func(_ context.Context, tx *store.Tx) error {
			return tx.PutView(&store.View{RecordID: id, Source: "shop", ExternalID: "s100", View: view.New(schema)})
		},
		"PutPromoted": queue(func(tx *store.Tx) { tx.PutPromoted(record, schema.Paths()) }),
		"PutChange": queue(func(tx *store.Tx) {
			tx.PutChange(&store.Change{RecordID: id, Revision: 9, Paths: []string{}})
		}),
		"PutDelivery": queue(func(tx *store.Tx) {
			tx.PutDelivery(&store.Delivery{RecordID: id, Connection: "crm", Kind: model.Customer, State: store.Owed})
		}),
		"PutLink": queue(func(tx *store.Tx) { tx.PutLink(&store.Link{LinkKey: elsewhere, RecordID: id, State: store.LinkLive}) }),
		"LinkOrphan": queue(func(tx *store.Tx) {
			tx.LinkOrphan(&store.Link{LinkKey: elsewhere, RecordID: id, State: store.LinkLive})
		}),
		"PutMatchKey":  queue(func(tx *store.Tx) { tx.PutMatchKey(model.Customer, keys[0], id, "c") }),
		"DropMatchKey": queue(func(tx *store.Tx) { tx.DropMatchKey(model.Customer, keys[0], id) }),
		"PutGone":      queue(func(tx *store.Tx) { tx.PutGone(elsewhere, epoch) }),
		"PutOrphan":    queue(func(tx *store.Tx) { tx.PutOrphan(elsewhere, keys[0], "s1") }),
		"PutMerge":     queue(func(tx *store.Tx) { tx.PutMerge(id, &store.Record{ID: loaded(101)}) }),
		"Restamp":      queue(func(tx *store.Tx) { tx.Restamp(id, 3) }),
		"Resend":       queue(func(tx *store.Tx) { tx.ResendAttempt(1) }),
		"Settle":       queue(func(tx *store.Tx) { tx.SettleAttempt(1, store.Acknowledged, "") }),
		"Tree":         func(ctx context.Context, tx *store.Tx) error { _, err := tx.Tree(ctx, id); return err },
		"Erase": queue(func(tx *store.Tx) {
			tx.Erase(store.Erasure{Tree: &store.Tree{Records: []store.RecordID{id}, Objects: []store.LinkKey{key}}, By: "dpo", Names: []string{"s100"}})
		}),
		"PutErased": queue(func(tx *store.Tx) { tx.PutErased(elsewhere, id) }),
		"PutSpoken": queue(func(tx *store.Tx) { tx.PutSpoken("s104", []store.LinkKey{key, elsewhere}) }),
		"LockRequest": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.LockRequest(ctx, store.RequestKey{Caller: "billing", RequestID: "s100"})
			return err
		},
		"Finish":       queue(func(tx *store.Tx) { tx.FinishReceipt("s1", "done", "applied") }),
		"SplitReceipt": queue(func(tx *store.Tx) { tx.SplitReceipt("s1", "split") }),
		"PutReview": queue(func(tx *store.Tx) {
			tx.PutReview(store.Review{LinkKey: elsewhere, Reason: "x", RecordIDs: []store.RecordID{id}})
		}),
		"PutDead": queue(func(tx *store.Tx) { tx.PutDeadLetter(store.DeadLetter{RecordID: id, Connection: "crm", Category: "x"}) }),
	}
}

// everyList asks for lists in all orders, with each form of condition that few and that many records meet.
func everyList(t *testing.T, db *store.Store, r *recorder) {
	t.Helper()
	late := epoch.Add(time.Duration(*rows-1000) * time.Second)
	conditions := []store.Condition{
		text("email", "100@example.com"), text("company", "company 100"), text("tags", "all"), text("company", "company 100", "company 200"),
		{Field: "email", Span: model.Below(model.TextKey("1000"))}, {Field: "email", Span: model.Above(model.TextKey("1000"))},
		{Field: "lifecycle_stage", Any: []model.Key{stage(6)}}, {Field: "lifecycle_stage", Any: []model.Key{stage(6), stage(1)}},
		{Field: "lifecycle_stage"}, text("company", "nowhere"),
		{Field: store.UpdateTime, Span: model.From(model.TimeKey(late))}, {Field: store.UpdateTime, Span: model.Below(model.TimeKey(late))},
		{Field: store.CreateTime, Span: model.From(model.TimeKey(late)).And(model.Below(model.TimeKey(late.Add(time.Hour))))},
		{Field: store.CreateTime, Span: model.Below(model.TimeKey(late))},
		{Field: "organisation", Refers: true, Any: []model.Key{model.TextKey(string(loaded(100)))}},
		{Field: store.DeleteTime}, {Field: store.DeleteTime, Absent: true}, {Field: store.Placeholder}, {Field: store.Placeholder, Absent: true},
	}
	where := [][]store.Condition{nil}
	for i, c := range conditions {
		where = append(where, []store.Condition{c}, []store.Condition{c, conditions[(i+5)%len(conditions)]})
	}
	where = append(where, []store.Condition{conditions[2], conditions[6], conditions[16], conditions[18]}) // many everywhere
	for _, order := range []store.Field{store.UpdateTime, store.CreateTime, store.DeleteTime, "email", "lifecycle_stage"} {
		for _, conditions := range where {
			q := store.ListQuery{Kind: model.Customer, Where: conditions, OrderBy: order, Limit: 50}
			name := fmt.Sprintf("list by %s where %+v", order, conditions)
			r.by(name, func() { twoPages(t, db, q) })
			q.Descending = true
			r.by(name, func() { twoPages(t, db, q) })
			q.Count = true
			r.by("size of "+name, func() { _, err := db.List(t.Context(), q); must(t, err) })
		}
	}
}

func twoPages(t *testing.T, db *store.Store, q store.ListQuery) {
	t.Helper()
	page, err := db.List(t.Context(), q)
	must(t, err)
	if q.After = page.Next; q.After != nil {
		_, err := db.List(t.Context(), q)
		must(t, err)
	}
}
