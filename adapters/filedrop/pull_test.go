package filedrop_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

const head = "NR,MAIL\n"

func TestAFileIsMovedOnceWhatComesBehindItIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.drop("customers-1.csv", head+"1,a@example.com\n2,b@example.com\n3,c@example.com\n")
	first := b.page("customer", "", 2)
	second := b.page("customer", first.Next, 2)
	if len(first.Observations) != 2 || len(second.Observations) != 1 || !first.More || !second.More {
		t.Fatalf("%+v, then %+v", first, second)
	}
	b.has("in", "customers-1.csv") // all of it is read, and nothing says yet that it is committed
	again := b.page("customer", first.Next, 2)
	if again.Next != second.Next || len(again.Observations) != 1 {
		t.Errorf("asked for again it has %+v, and had %+v", again, second)
	}
	last := b.page("customer", second.Next, 2)
	b.has("in")
	b.has("done", "customers-1.csv")
	if last.More || last.Next == "" || len(last.Observations) != 0 {
		t.Errorf("the end is %+v", last)
	}
	if page := b.page("customer", first.Next, 2); len(page.Observations) != 1 { // a process that was very late
		t.Errorf("a page of a file in done/ has %+v", page)
	}
}

func TestAllFilesAreReadInTheOrderOfTheirNames(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.dropAt("customers-2.csv", head+"1,new@example.com\n", b.now.Add(-30*time.Second))
	b.drop("customers-1.csv", head+"1,old@example.com\n")
	b.drop("orders-1.csv", "not ours")
	h := b.pull("customer", "", 10)
	h.says(t, "1 old@example.com", "1 new@example.com")
	b.has("in", "orders-1.csv")
	if o := h.observations[0]; !o.At.Equal(noon.Add(-time.Minute)) || string(o.Raw) != `{"NR":"1","MAIL":"old@example.com"}` {
		t.Errorf("%s, %s", o.At, o.Raw)
	}
	b.dropAt("customers-0.csv", head+"2,late@example.com\n", b.now.Add(-20*time.Second)) // its name comes before
	b.pull("customer", h.next, 10).says(t, "2 late@example.com")
	b.pull("customer", "", 10).says(t, "1 old@example.com", "1 new@example.com", "2 late@example.com") // the archive, by the files' times
	page, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Since: noon})
	if err != nil || len(page.Observations) != 0 || page.More {
		t.Errorf("nothing in the archive is that new: %+v, %v", page, err)
	}
}

func TestWhatIsStillWrittenIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(object{"files": "*"}))
	for _, name := range []string{".hidden.csv", "~lock.csv", "c.csv.part", "c.tmp", "c.filepart", "c.csv~"} {
		b.drop(name, head+"9,x@example.com\n")
	}
	b.dropAt("fresh.csv", head+"1,a@example.com\n", b.now.Add(-5*time.Second))
	b.dropAt("ahead.csv", head+"2,b@example.com\n", b.now.Add(5*time.Second))
	if err := os.Symlink("/etc/passwd", filepath.Join(b.folder, "in", "link.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(b.folder, "in", "folder.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := b.pull("customer", "", 10)
	h.says(t)
	b.now = b.now.Add(time.Minute)
	b.pull("customer", h.next, 10).says(t, "2 b@example.com", "1 a@example.com")
	if len(b.files("in")) != 8 {
		t.Errorf("in/ has %q", b.files("in"))
	}
}

// A path may lead out of the folder by a link that somebody who can write there makes.
func TestNothingLeadsOutOfTheFolder(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "customers-1.csv"), []byte(head+"1,a@example.com\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b.folder, "in")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(b.folder, "in")); err != nil {
		t.Fatal(err)
	}
	if page, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer"}); err == nil {
		t.Errorf("in/ leads out of the folder, and %+v is read", page)
	}
	if _, err := os.Stat(filepath.Join(outside, "customers-1.csv")); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsNotThereIsNoEmptyOne(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"in", "done", "rejected", ""} {
		b := setup(t, customers())
		if err := os.RemoveAll(filepath.Join(b.folder, missing)); err != nil {
			t.Fatal(err)
		}
		_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer"})
		if fault.CategoryOf(err) != fault.Transient || err == nil || strings.Contains(err.Error(), b.folder) {
			t.Errorf("without %q: %v", missing, err)
		}
		if probe := b.Prober.Probe(t.Context()); fault.CategoryOf(probe) != fault.Transient || probe == nil {
			t.Errorf("without %q, the probe says %v", missing, probe)
		}
	}
}

func TestTheSameContentIsTakenInOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	const old, fresh = head + "1,a@example.com\n", head + "1,b@example.com\n"
	b.drop("customers-1.csv", old)
	b.drop("customers-2.csv", fresh)
	h := b.pull("customer", "", 10)
	b.drop("customers-3.csv", old)
	h = b.pull("customer", h.next, 10)
	h.says(t)
	h.rejects(t, "customers-3.csv: what is in it was taken in already, from a file in done/ whose name has the same hash")
	b.has("in")
	b.has("rejected", "customers-3.csv")
}

// A whole export may be what it was some time ago: that is news.
func TestAWholeExportIsTakenInAgainOnceAnotherCameBetween(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(object{"content": "everything"}))
	const one, two = head + "1,a@example.com\n", head + "1,b@example.com\n"
	next := ""
	for _, c := range []struct{ text, says string }{{one, "1 a@example.com"}, {two, "1 b@example.com"}, {one, "1 a@example.com"}, {one, ""}} {
		b.now = b.now.Add(time.Hour)
		b.drop("customers.csv", c.text)
		h := b.pull("customer", next, 10)
		if next = h.next; c.says == "" {
			h.says(t)
		} else {
			h.says(t, c.says)
		}
		h.rejects(t) // that nothing has changed is no mistake
		b.has("in")
	}
	b.has("done", "customers.csv", "customers.csv", "customers.csv", "customers.csv")
	b.pull("customer", "", 10).says(t, "1 a@example.com") // the newest of the archive
}

func TestAFileThatIsTakenAwayWhileItIsReadIsTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b *bundle){
		"taken away": func(b *bundle) {
			if err := os.Remove(filepath.Join(b.folder, "in", "customers-1.csv")); err != nil {
				t.Fatal(err)
			}
		},
		"longer": func(b *bundle) {
			b.dropAt("customers-1.csv", head+"1,a@example.com\n2,b@example.com\n3,c@example.com\n", b.now.Add(-30*time.Second))
		},
		"replaced": func(b *bundle) { b.dropAt("customers-1.csv", head+"7,other@example.com\n", b.now.Add(-30*time.Second)) },
	} {
		b := setup(t, customers())
		b.drop("customers-1.csv", head+"1,a@example.com\n2,b@example.com\n")
		first := b.page("customer", "", 1)
		change(b)
		h := b.pull("customer", first.Next, 1)
		h.rejects(t, "customers-1.csv, line 3: it was taken away, or replaced by another one, before all of it was read")
		switch name {
		case "replaced":
			h.says(t, "7 other@example.com")
			b.has("done", "customers-1.csv")
		case "longer": // it is read as another one, from its beginning
			h.says(t, "1 a@example.com", "2 b@example.com", "3 c@example.com")
			b.has("done", "customers-1.csv")
		default:
			h.says(t)
		}
	}
}

func TestRowsThatCannotBeReadAreToldByLineAndTheOthersAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(object{"version": "int(row.V)", "time": "date(row.T, 'DD.MM.YYYY')"}))
	b.drop("customers-1.csv", "NR,MAIL,V,T\n"+
		"1,a@example.com,5,24.12.2026\n"+
		"2,\"b\n@example.com\",x,\n"+
		"3,c@example.com\n"+
		",d@example.com,1,\n"+
		"5,e@example.com,1,32.12.2026\n"+
		"6,\xff,1,\n"+
		"7,g@example.com,8,\n")
	h := b.pull("customer", "", 2)
	h.says(t, "1 a@example.com", "7 g@example.com")
	h.rejects(t,
		"customers-1.csv, line 3: its version: it is no number",
		"customers-1.csv, line 5: it has 2 fields, and there are 4 columns",
		"customers-1.csv, line 6: it has no id",
		"customers-1.csv, line 7: its time: it is no time of the form that is configured",
		"customers-1.csv, line 8: a character is none in utf-8")
	if o := h.observations[0]; o.Version != 5 || !o.At.Equal(time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("version %d, at %s", o.Version, o.At)
	}
	if o := h.observations[1]; o.Version != 8 || !o.At.Equal(noon.Add(-time.Minute)) {
		t.Errorf("without a time of its own it has the file's: version %d, at %s", o.Version, o.At)
	}
	b.has("done", "customers-1.csv")
}

func TestAFileThatIsNoneOfTheConfiguredOnesIsRejectedWhole(t *testing.T) {
	t.Parallel()
	for reason, c := range map[string]struct {
		text  string
		kinds object
	}{
		`the columns "MAIL" are not there; is the delimiter, or skip, another?`:                                   {"NR;MAILS\n1;a\n", customers(object{"delimiter": ";"})},
		`the column "NR" is there twice`:                                                                          {"NR,MAIL,NR\n1,a,2\n", customers()},
		"line 1: the file is empty: there is no header line":                                                      {"", customers()},
		"line 2: it is not well-formed":                                                                           {"<l>\n<r a=>", object{"customer": object{"files": "customers*", "format": "xml", "record": "l/r", "id": "row.NR", "attributes": object{"email": "row.MAIL"}}}},
		"files of customers and of tickets have such a name; make their patterns differ":                          {"x", object{"customer": customers()["customer"], "ticket": object{"files": "*.csv", "id": "row.NR", "attributes": object{"subject": "row.S"}}}},
		"line 1: there is no element Envelope/Body, in which the rows should stand":                               {"<l/>", object{"customer": object{"files": "customers*", "format": "xml", "record": "Envelope/Body/r", "id": "row.NR", "attributes": object{"email": "row.MAIL"}}}},
		"line 1: the header line is no text in utf-8; is the encoding another?":                                   {"NR,MAIL,\xfcber\n", customers()},
		"line 1: the encoding \"klingon\" is not known; utf-8, utf-16, windows-1252, iso-8859-1 and the like are": {"<?xml encoding='klingon'?><l/>", object{"customer": object{"files": "customers*", "format": "xml", "record": "l/r", "id": "row.NR", "attributes": object{"email": "row.MAIL"}}}},
	} {
		b := setup(t, c.kinds)
		b.drop("customers-1.csv", c.text)
		h := b.pull("customer", "", 10)
		h.says(t)
		where := "customers-1.csv: "
		if line, rest, is := strings.Cut(reason, ": "); is && strings.HasPrefix(line, "line ") {
			where, reason = "customers-1.csv, "+line+": ", rest
		}
		h.rejects(t, where+reason)
		b.has("rejected", "customers-1.csv")
		b.has("in")
	}
}

func TestXMLIsReadUpToWhereItBreaks(t *testing.T) {
	t.Parallel()
	b := setup(t, object{"customer": object{"format": "xml", "record": "l/r", "id": "row['@id']", "attributes": object{"email": "row['Mail/Address']"}}})
	b.drop("customers-1.xml", "<l>\n<r id='1'><Mail><Address>a@example.com</Address></Mail></r>\n<r id='2'/><r>\n<broken</l>")
	h := b.pull("customer", "", 1)
	h.says(t, "1 a@example.com", "2 ")
	h.rejects(t, "customers-1.xml, line 4: it is not well-formed")
	if o := h.observations[1]; o.Paths == nil || len(o.Paths) != 0 {
		t.Errorf("what is left out in XML is said to be empty: %v", o.Paths)
	}
	b.has("rejected", "customers-1.xml")
}

// A page is bounded in bytes, too: a thousand rows of a mebibyte each are no page.
func TestLargeRowsMakeSmallPages(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	var text strings.Builder
	text.WriteString(head)
	for i := range 8 {
		fmt.Fprintf(&text, "%d,%s\n", i, strings.Repeat("x", 1_000_000))
	}
	b.drop("customers-1.csv", text.String())
	cursor, most, all := "", 0, 0
	for more := true; more; {
		page := b.page("customer", cursor, 1000)
		most, all = max(most, len(page.Observations)), all+len(page.Observations)
		cursor, more = page.Next, page.More
	}
	if most > 5 || all != 8 {
		t.Errorf("a page has %d rows, all have %d", most, all)
	}
}

// A file that is another one altogether costs thousands of dead letters, and not millions.
func TestAFileOfWhichNothingCanBeReadIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.drop("customers-1.csv", head+"1,a@example.com\n"+strings.Repeat("x\n", 30_000)+"2,b@example.com\n")
	h := b.pull("customer", "", 1000)
	h.says(t, "1 a@example.com")
	if n := len(h.rejected); n != 10_001 || !strings.Contains(h.rejected[n-1].Reason, "move it back to in/") {
		t.Errorf("%d are rejected, the last one since %q", n, h.rejected[n-1].Reason)
	}
	b.has("rejected", "customers-1.csv")
	b.open(customers(object{"columns": []string{"NR"}, "skip": 1, "attributes": object{"email": "'x'"}}))
	b.drop("customers-1.csv", head+"1\n2\n")
	b.pull("customer", h.next, 10).says(t, "1 x", "2 x") // and the next one is counted for itself
}

// Processes that take each other for dead read on with one cursor: each has what the others have, and none fails.
func TestManyProcessesReadOneFolder(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(deleting))
	h := b.next("", export(upTo(30)...))
	b.now = b.now.Add(time.Hour)
	b.drop("customers.csv", export(upTo(25)...))
	cursor := h.next
	for more := true; more; {
		var pages [6]adapters.Page
		var all sync.WaitGroup
		for i := range pages {
			all.Go(func() {
				var err error
				pages[i], err = b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Cursor: cursor, Size: 10})
				if err != nil && fault.CategoryOf(err) == fault.Transient { // the others were faster: it is asked again
					pages[i], err = b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Cursor: cursor, Size: 10})
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, page := range pages {
			if page.Next != pages[0].Next || len(page.Observations) != len(pages[0].Observations) {
				t.Fatalf("from one place they read %+v and %+v", pages[0], page)
			}
		}
		h.observations = append(h.observations, pages[0].Observations...)
		cursor, more = pages[0].Next, pages[0].More
	}
	if want := []string{"26", "27", "28", "29", "30"}; !slices.Equal(h.gone(), want) || len(h.observations) != 30+25+5 {
		t.Errorf("they say %q", h.said())
	}
	b.has("in")
	b.has("rejected")
}

// A system that renames its newest export over the last one again and again never loses one that is in done/ to another.
func TestAFileIsReplacedAgainAndAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 150 {
			b.dropAt(".new", fmt.Sprintf("%s%d,%d@example.com\n", head, i, i), noon.Add(time.Duration(i-1000)*time.Second))
			if err := os.Rename(filepath.Join(b.folder, "in", ".new"), filepath.Join(b.folder, "in", "customers.csv")); err != nil {
				t.Error(err)
			}
		}
	}()
	last := ""
	pull := func() {
		h := b.pull("customer", "", 10) // also the archive: what is in done/ reads as it did
		for _, o := range h.observations {
			last = string(o.ExternalID)
		}
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		pull()
	}
	pull()
	if last != "149" {
		t.Errorf("the newest that was read is %s, want 149", last)
	}
	b.has("in")
	entries, err := os.ReadDir(filepath.Join(b.folder, "done"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(b.folder, "done", e.Name()))
		sum := sha256.Sum256(text)
		if err != nil || !strings.Contains(e.Name(), hex.EncodeToString(sum[:16])) {
			t.Errorf("%s is not what was read (%v)", e.Name(), err)
		}
	}
}

func TestACancelledPullMovesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.drop("customers-1.csv", head+"1,a@example.com\n")
	first := b.page("customer", "", 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Puller.Pull(ctx, adapters.Query{Kind: "customer", Cursor: first.Next}); fault.CategoryOf(err) != fault.Transient || err == nil {
		t.Errorf("%v", err)
	}
	b.has("in", "customers-1.csv")
}

// Only what a cursor names of a file is ever moved, and only to where files go.
func TestACursorMovesNothingElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.drop("customers-1.csv", head+"1,a@example.com\n")
	for _, state := range []string{
		`{"f":{"n":"customers-1.csv","s":24,"c":0,"a":0,"h":"00"},"to":"../elsewhere"}`, `{"f":{"n":"../../etc/passwd"},"p":"rows"}`, `{"f":{"n":"customers-1.csv"},"p":"x"}`,
	} {
		_, _ = b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Cursor: encoded(state)})
	}
	b.has("in", "customers-1.csv")
}

func TestManyKindsHaveTheirOwnFiles(t *testing.T) {
	t.Parallel()
	kinds := customers()
	kinds["ticket"] = object{"id": "row.NR", "attributes": object{"subject": "row.TITLE"}}
	b := setup(t, kinds)
	b.drop("customers.csv", head+"1,a@example.com\n")
	b.drop("tickets.csv", "NR,TITLE\n5,Broken\n")
	if h := b.pull("ticket", "", 10); len(h.observations) != 1 || h.observations[0].Kind != "ticket" {
		t.Errorf("%+v", h)
	}
	b.has("in", "customers.csv")
	b.pull("customer", "", 10).says(t, "1 a@example.com")
	if _, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "order"}); fault.CategoryOf(err) != fault.Permanent {
		t.Errorf("orders are not configured: %v", err)
	}
}

func TestColumnsThatNobodyReadsAreReported(t *testing.T) {
	t.Parallel()
	b := setup(t, customers(object{"unused": []string{"FAX"}}))
	b.drop("customers.csv", "NR,MAIL,FAX,MOBILE,\n1,a,2,3,\n")
	if got := fmt.Sprint(b.pull("customer", "", 1).observations[0].Unknown); got != "[MOBILE]" {
		t.Errorf("unknown are %s", got)
	}
}
