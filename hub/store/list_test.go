package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func text(field store.Field, values ...string) store.Condition {
	c := store.Condition{Field: field}
	for _, v := range values {
		c.Any = append(c.Any, model.TextKey(v))
	}
	return c
}

func stage(s canonicalv1.LifecycleStage) model.Key { return model.EnumKey(int32(s)) }

// pages reads a list to its end, calling between after each page, and returns what was on the pages.
func pages(t testing.TB, db *store.Store, q store.ListQuery, between func()) (found []*store.Record, ends []store.Position) {
	t.Helper()
	for {
		page, err := db.List(t.Context(), q)
		must(t, err)
		if len(page.Records) != len(page.Ends) || len(page.Records) > q.Limit {
			t.Fatalf("a page of %d records with %d ends, at most %d were asked for", len(page.Records), len(page.Ends), q.Limit)
		}
		found, ends = append(found, page.Records...), append(ends, page.Ends...)
		if page.Next == nil {
			return found, ends
		}
		q.After = page.Next
		between()
	}
}

// random makes a customer of few different values, so that many are alike.
func random(r *rand.Rand) *canonicalv1.Customer {
	c := &canonicalv1.Customer{Company: proto.String(fmt.Sprintf("company %d", r.IntN(4)))}
	if r.IntN(3) > 0 {
		c.Email = proto.String(fmt.Sprintf("%d@example.com", r.IntN(30)))
	}
	c.LifecycleStage = canonicalv1.LifecycleStage(r.IntN(4)).Enum()
	for range r.IntN(3) {
		c.Tags = append(c.Tags, fmt.Sprint("tag ", r.IntN(3)))
	}
	return c
}

// meets says in other words what the conditions below ask.
var lists = []struct {
	name  string
	query store.ListQuery
	meets func(*canonicalv1.Customer) bool
}{
	{"all", store.ListQuery{}, func(*canonicalv1.Customer) bool { return true }},
	{"all by e-mail", store.ListQuery{OrderBy: "email"}, func(c *canonicalv1.Customer) bool { return c.GetEmail() != "" }},
	{"a company", store.ListQuery{Where: []store.Condition{text("company", "company 1")}},
		func(c *canonicalv1.Customer) bool { return c.GetCompany() == "company 1" }},
	{"tagged of two companies, by creation", store.ListQuery{OrderBy: store.CreateTime, Where: []store.Condition{text("company", "company 1", "company 3"), {Field: "tags"}}},
		func(c *canonicalv1.Customer) bool {
			return (c.GetCompany() == "company 1" || c.GetCompany() == "company 3") && len(c.GetTags()) > 0
		}},
	{"two tags, by e-mail", store.ListQuery{OrderBy: "email", Where: []store.Condition{text("tags", "tag 0"), text("tags", "tag 1")}},
		func(c *canonicalv1.Customer) bool {
			return c.GetEmail() != "" && slices.Contains(c.GetTags(), "tag 0") && slices.Contains(c.GetTags(), "tag 1")
		}},
	{"from a stage on, by stage", store.ListQuery{OrderBy: "lifecycle_stage", Where: []store.Condition{
		{Field: "lifecycle_stage", Span: model.From(stage(canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD))}}},
		func(c *canonicalv1.Customer) bool {
			return c.GetLifecycleStage() >= canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD
		}},
	{"two stages, by stage", store.ListQuery{OrderBy: "lifecycle_stage", Where: []store.Condition{
		{Field: "lifecycle_stage", Any: []model.Key{stage(1), stage(3)}}}},
		func(c *canonicalv1.Customer) bool { return c.GetLifecycleStage() == 1 || c.GetLifecycleStage() == 3 }},
}

// A record that nobody changes is on the pages once where it meets the conditions, and else not, in the list's order,
// whatever others write meanwhile, and whether a condition has few records or many.
func TestPagesAreStableUnderConcurrentWrites(t *testing.T) {
	t.Parallel()
	db := setup(t, nil)
	r := rand.New(rand.NewPCG(1, 2))
	still, moving := map[store.RecordID]*canonicalv1.Customer{}, make([]*store.Record, 60)
	for range 240 {
		c := newRecord(t, random(r))
		put(t, db, c)
		still[c.ID] = c.Message.(*canonicalv1.Customer)
	}
	for i := range moving {
		moving[i] = newRecord(t, random(r))
		put(t, db, moving[i])
	}
	writes, writer := make(chan struct{}, 3), sync.WaitGroup{}
	defer writer.Wait()
	defer close(writes)
	writer.Go(func() {
		r := rand.New(rand.NewPCG(3, 4))
		for range writes {
			c := moving[r.IntN(len(moving))]
			c.Message = random(r)
			if err := write(db, c); err != nil {
				t.Error(err)
			}
		}
	})
	edit := func() { // fewer for a page than a page has, or a list by update time would never end
		select {
		case writes <- struct{}{}:
		default:
		}
	}
	for _, limits := range []store.Bounds{{}, {Few: 1, Scan: 7}} {
		bounded := db.Bounded(limits)
		for _, l := range lists {
			for _, descending := range []bool{false, true} {
				q := l.query
				q.Kind, q.Limit, q.Descending = model.Customer, 5, descending
				found, ends := pages(t, bounded, q, func() { edit(); edit(); edit() })
				times := map[store.RecordID]int{}
				for i, r := range found {
					times[r.ID]++
					if i > 0 && !before(ends[i-1], ends[i], descending) {
						t.Errorf("%s, descending %t: %v stands before %v", l.name, descending, ends[i-1], ends[i])
					}
				}
				for id, c := range still {
					if want := l.meets(c); times[id] > 1 || (times[id] == 1) != want {
						t.Errorf("%s, descending %t: a record that meets it: %t is there %d times", l.name, descending, want, times[id])
					}
				}
			}
		}
	}
}

func before(a, b store.Position, descending bool) bool {
	if descending {
		a, b = b, a
	}
	c := bytes.Compare(a.Key, b.Key)
	return c < 0 || c == 0 && a.ID < b.ID
}

func TestPageThatFindsNothingInItsBoundsIsFollowed(t *testing.T) {
	t.Parallel()
	db := setup(t, nil).Bounded(store.Bounds{Few: 1, Scan: 10, Count: 20})
	for i := range 30 {
		c := newRecord(t, &canonicalv1.Customer{Company: proto.String("x")})
		if i >= 25 {
			c.Message.(*canonicalv1.Customer).Tags = []string{"t"}
		}
		put(t, db, c)
	}
	q := store.ListQuery{Kind: model.Customer, Limit: 3, Where: []store.Condition{text("tags", "t")}}
	first, err := db.List(t.Context(), q)
	if err != nil || len(first.Records) != 0 || first.Next == nil {
		t.Fatalf("the first page: %+v, %v; want none of the first 10, and more to come", first, err)
	}
	n := 1
	found, _ := pages(t, db, q, func() { n++ })
	if len(found) != 5 || n > 5 {
		t.Errorf("%d records on %d pages, want 5 on 4 or 5", len(found), n)
	}
}

func TestSizeIsExactOrAtLeast(t *testing.T) {
	t.Parallel()
	db := setup(t, nil).Bounded(store.Bounds{Few: 1, Scan: 10, Count: 20})
	for i := range 30 {
		c := &canonicalv1.Customer{Company: proto.String("x"), Tags: []string{"a", "b"}}
		if i%2 == 0 {
			c.Email = proto.String(fmt.Sprintf("%d@example.com", i))
		}
		if i%10 == 0 {
			c.Phone = proto.String("+4930111111")
		}
		put(t, db, newRecord(t, c))
	}
	for _, c := range []struct {
		name string
		q    store.ListQuery
		want store.Size
	}{
		{"all", store.ListQuery{}, store.Size{Records: 21}},
		{"all in an order that half of them have", store.ListQuery{OrderBy: "email"}, store.Size{Records: 15, Exact: true}},
		{"few of a condition", store.ListQuery{Where: []store.Condition{{Field: "email"}}}, store.Size{Records: 15, Exact: true}},
		{"many of both", store.ListQuery{Where: []store.Condition{text("company", "x"), text("tags", "a")}}, store.Size{Records: 21}},
		{"few of one", store.ListQuery{Where: []store.Condition{text("company", "x"), {Field: "tags"}, {Field: "phone"}}}, store.Size{Records: 3, Exact: true}},
		{"few of one, in an order that fewer have", store.ListQuery{OrderBy: "phone", Where: []store.Condition{{Field: "email"}}}, store.Size{Records: 3, Exact: true}},
		{"none", store.ListQuery{Where: []store.Condition{text("company", "y")}}, store.Size{Exact: true}},
	} {
		c.q.Kind, c.q.Limit, c.q.Count = model.Customer, 2, true
		page, err := db.List(t.Context(), c.q)
		if err != nil || page.Size != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, page.Size, err, c.want)
		}
	}
}
