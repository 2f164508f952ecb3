package filedrop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// export is a whole export of customers.
func export(ids ...int) string {
	var b strings.Builder
	b.WriteString(head)
	for _, id := range ids {
		fmt.Fprintf(&b, "%d,%d@example.com\n", id, id)
	}
	return b.String()
}

func upTo(n int) (ids []int) {
	for i := range n {
		ids = append(ids, i+1)
	}
	return ids
}

// deleting is for files of a few rows, of which many vanish.
var deleting = object{"content": "everything", "vanished": "delete", "max_vanished": 1}

// next drops an export an hour later, and pulls from where the last pull ended.
func (b *bundle) next(cursor, text string) haul {
	b.t.Helper()
	b.now = b.now.Add(time.Hour)
	b.drop("customers.csv", text)
	return b.pull("customer", cursor, 3)
}

func (h haul) gone() (ids []string) {
	for _, o := range h.observations {
		if o.Gone {
			ids = append(ids, string(o.ExternalID))
		}
	}
	slices.Sort(ids)
	return ids
}

func TestARowThatVanishedIsADeleteWhereThatIsConfigured(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]object{"delete": deleting, "keep": {"content": "everything"}} {
		b := setup(t, customers(options))
		h := b.next("", export(1, 2, 3, 4, 5))
		if len(h.observations) != 5 || h.gone() != nil {
			t.Fatalf("%s: the first export says %q", name, h.said())
		}
		h = b.next(h.next, export(2, 3, 6))
		want := []string{"1", "4", "5"}
		if name == "keep" {
			want = nil
		}
		if !slices.Equal(h.gone(), want) || len(h.observations) != 3+len(want) {
			t.Errorf("%s: the second export says %q", name, h.said())
		}
		for _, o := range h.observations {
			if !o.At.Equal(b.now.Add(-time.Minute)) || len(o.Raw) == 0 {
				t.Errorf("%s: %+v is not of the file's time", name, o)
			}
		}
		if h = b.next(h.next, export(2, 3, 6, 1)); h.gone() != nil || len(h.observations) != 4 {
			t.Errorf("%s: the third export says %q", name, h.said())
		}
		if hidden, _ := filepath.Glob(filepath.Join(b.folder, "done", ".ids-*")); name == "delete" && len(hidden) != 1 {
			t.Errorf("there are ids of %d files", len(hidden))
		}
	}
}

// Half an export must not delete the other half.
func TestAnExportInWhichTooMuchIsMissingIsNotTakenIn(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(object{"content": "everything", "vanished": "delete"}))
	h := b.next("", export(upTo(100)...))
	h = b.next(h.next, export(upTo(97)...)) // more than two in a hundred
	h.says(t)
	h.rejects(t, "customers.csv: 3 of the 100 objects of the file before are missing in it, more than may vanish at once; is it whole? If it is, raise max_vanished and move it back to in/")
	b.has("rejected", "customers.csv")
	if h = b.next(h.next, export(upTo(98)...)); len(h.gone()) != 2 {
		t.Errorf("two of a hundred are missing, and gone are %q", h.gone())
	}
	if h = b.next(h.next, export(upTo(97)...)); len(h.gone()) != 1 { // more than two in a hundred, and one
		t.Errorf("one of 98 is missing, and gone are %q", h.gone())
	}
	b.open(customers(deleting, object{"max_vanished": 0.5}))
	if h = b.next(h.next, export(upTo(89)...)); len(h.gone()) != 8 || len(h.rejected) != 0 {
		t.Errorf("what was rejected before is dropped again: %q, %+v", h.said(), h.rejected)
	}
	if h = b.next(h.next, head); len(h.rejected) != 1 {
		t.Errorf("an empty export says %q, %+v", h.said(), h.rejected)
	}
}

// The row that cannot be read may be the missing one.
func TestNothingIsDeletedWhereARowCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(deleting))
	h := b.next("", export(1, 2, 3))
	for _, broken := range []string{"2,b\xff\n", ",2@example.com\n", "2\n"} {
		if h = b.next(h.next, export(1)+broken); h.gone() != nil || len(h.observations) != 1 || len(h.rejected) != 1 {
			t.Errorf("with a broken row it says %q, %+v", h.said(), h.rejected)
		}
	}
	if h = b.next(h.next, export(1, 3)); !slices.Equal(h.gone(), []string{"2"}) {
		t.Errorf("the next export that is whole says %q", h.said())
	}
}

func TestALateExportDeletesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(deleting))
	h := b.next("", export(1, 2, 3))
	b.dropAt("customers-old.csv", export(1), b.now.Add(-24*time.Hour))
	if h = b.pull("customer", h.next, 10); h.gone() != nil || len(h.observations) != 1 {
		t.Errorf("an export of the day before says %q", h.said())
	}
	if h = b.next(h.next, export(1, 2)); !slices.Equal(h.gone(), []string{"3"}) {
		t.Errorf("the next export says %q", h.said())
	}
}

// Whatever page is asked for again, after whatever crash, the same is deleted.
func TestDeletesAreTheSameHoweverOftenAPageIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(deleting))
	h := b.next("", export(1, 2, 3, 4, 5, 6))
	b.now = b.now.Add(time.Hour)
	b.drop("customers.csv", export(1))
	var gone []string
	for cursor, more := h.next, true; more; {
		one, two, three := b.page("customer", cursor, 2), b.page("customer", cursor, 2), b.page("customer", cursor, 2)
		first, third := (haul{observations: one.Observations}).said(), (haul{observations: three.Observations}).said()
		if one.Next != two.Next || two.Next != three.Next || !slices.Equal(first, third) {
			t.Fatalf("asked for again, a page says %q, and then %q", first, third)
		}
		for _, o := range one.Observations {
			if o.Gone {
				gone = append(gone, string(o.ExternalID))
			}
		}
		cursor, more = one.Next, one.More
	}
	if slices.Sort(gone); !slices.Equal(gone, []string{"2", "3", "4", "5", "6"}) {
		t.Errorf("gone are %q", gone)
	}
}

// A process may die within a line of the ids that it writes, and somebody may take them away.
func TestIDsThatAreNotWholeDeleteNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(deleting))
	h := b.next("", export(12, 3))
	before, _ := filepath.Glob(filepath.Join(b.folder, "done", ".ids-*"))
	b.now = b.now.Add(time.Hour)
	b.drop("customers.csv", export(12, 3, 4))
	page := b.page("customer", h.next, 2) // the file before is moved
	if len(before) != 1 || len(page.Observations) > 0 {
		t.Fatalf("%v, %+v", before, page)
	}
	if err := os.RemoveAll(before[0]); err != nil {
		t.Fatal(err)
	}
	if h = b.pull("customer", page.Next, 2); h.gone() != nil || len(h.observations) != 3 {
		t.Errorf("with the ids taken away it says %q", h.said())
	}
	broken, _ := filepath.Glob(filepath.Join(b.folder, "done", ".ids-*", "*"))
	for _, name := range broken {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("\"9"); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if h = b.next(h.next, export(12, 3)); !slices.Equal(h.gone(), []string{"4"}) {
		t.Errorf("behind a line that is broken it says %q", h.said())
	}
}
