package filedrop_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const recordID = "customer_01h455vb4pex5vsknk084sn02q"

// written are options that write customers.
func written(more ...object) object {
	out := object{"columns": []object{
		{"name": "NR", "value": "external_id"}, {"name": "MAIL", "value": "record.email"}, {"name": "NAME", "value": "record.name.family + ';' + record.name.given"},
		{"name": "PLACE", "value": "record.billing_address.postal_code + ' ' + record.billing_address.city"},
	}, "delimiter": ";"}
	for _, each := range more {
		for name, value := range each {
			out[name] = value
		}
	}
	return object{"customer": object{"out": out}}
}

func ada() *canonicalv1.Customer {
	return &canonicalv1.Customer{Email: proto.String("ada@example.com"), Name: &canonicalv1.PersonName{Given: proto.String("Ada"), Family: proto.String("\"Söhne\"")},
		BillingAddress: &canonicalv1.Address{City: proto.String("Köln"), PostalCode: proto.String("50667")}}
}

func patch(key string, id adapters.ExternalID, paths ...string) adapters.Patch {
	return adapters.Patch{Kind: "customer", RecordID: recordID, ExternalID: id, Message: ada(), Paths: paths, Key: key}
}

func (b *bundle) push(p adapters.Patch) adapters.Ack {
	b.t.Helper()
	b.now = b.now.Add(time.Second)
	r, err := b.Pusher.Prepare(p)
	if err != nil {
		b.t.Fatal(err)
	}
	ack, err := b.Pusher.Push(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return ack
}

// out are the files in out/, without the hash in their names, and what is in each.
func (b *bundle) out() (all []string) {
	b.t.Helper()
	for _, name := range b.files("out") {
		if strings.HasPrefix(name, ".") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(b.folder, "out", name))
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	return all
}

func (b *bundle) wrote(want ...string) {
	b.t.Helper()
	if got := b.out(); !slices.Equal(got, want) {
		b.t.Errorf("out/ has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const columns = "_id;_operation;_columns;_key;NR;MAIL;NAME;PLACE\n"

func TestAPushIsAFileWithWhatIsSet(t *testing.T) {
	t.Parallel()
	b := setup(t, written())
	ack := b.push(patch("k1", "17", "email", "name"))
	if o := ack.Observation; o.ExternalID != "17" || ack.Found || !slices.Equal(o.Paths, []string{"email", "name"}) ||
		!proto.Equal(o.Message, &canonicalv1.Customer{Email: ada().Email, Name: ada().Name}) || !o.At.Equal(b.now) {
		t.Errorf("acknowledged %+v", ack)
	}
	b.push(patch("k2", "", "billing_address.city", "email"))
	held := patch("k3", "17", "billing_address.city")
	held.Held = &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{PostalCode: proto.String("1010"), City: proto.String("Wien")}}
	held.Message.(*canonicalv1.Customer).BillingAddress = nil
	b.push(held)
	b.wrote(
		columns+"17;update;NR|MAIL|NAME;k1;17;ada@example.com;\"\"\"Söhne\"\";Ada\";\n",
		columns+recordID+";create;NR|MAIL|PLACE;k2;"+recordID+";ada@example.com;;\" Köln\"\n",
		columns+"17;update;NR|PLACE;k3;17;;;\"1010 \"\n")
}

func TestAPushThatIsSentAgainIsWrittenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, written())
	for range 3 {
		b.push(patch("k1", "17", "email"))
	}
	b.push(patch("k2", "17", "email"))
	if len(b.out()) != 2 {
		t.Errorf("two pushes made %q", b.out())
	}
	if found, err := b.Pusher.Find(t.Context(), adapters.Request{Kind: "customer", RecordID: recordID}); found != nil || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

func TestAnArchivedObjectIsARowThatSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, written())
	o, err := b.Archiver.Archive(t.Context(), adapters.Request{Kind: "customer", RecordID: recordID, ExternalID: "17", Key: "k9"})
	if err != nil || !o.Gone || o.ExternalID != "17" {
		t.Fatalf("%+v, %v", o, err)
	}
	b.wrote(columns + "17;archive;;k9;;;;\n")
}

func TestWhatCannotBeWrittenIsRefusedByName(t *testing.T) {
	t.Parallel()
	b := setup(t, written(object{"encoding": "windows-1252"}))
	for name, c := range map[string]struct {
		change func(*canonicalv1.Customer)
		paths  []string
		want   string
	}{
		"a character": {func(c *canonicalv1.Customer) { c.Name.Given = proto.String("株式会社") }, []string{"email", "name"}, "name"},
		"no column":   {func(*canonicalv1.Customer) {}, []string{"email", "phone"}, "phone"},
		"a zero byte": {func(c *canonicalv1.Customer) { c.Email = proto.String("a\x00") }, []string{"email"}, "email"},
	} {
		p := patch("k", "17", c.paths...)
		c.change(p.Message.(*canonicalv1.Customer))
		_, err := b.Pusher.Prepare(p)
		var f *fault.Error
		if !errors.As(err, &f) || f.Category != fault.Permanent || len(f.Refused) != 1 || f.Refused[c.want] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.push(patch("k", "17", "name"))
	if got := b.out(); !strings.Contains(got[0], "S\xf6hne") {
		t.Errorf("it is not in windows-1252: %q", got)
	}
}

func TestValuesAreWrittenAsTheOtherSideReadsThem(t *testing.T) {
	t.Parallel()
	b := setup(t, object{"invoice": object{"out": object{"decimal": ",", "time_zone": "Europe/Berlin", "columns": []object{
		{"name": "SUM", "value": "amount(record.total)"}, {"name": "DAY", "value": "text(record.issue_time, 'DD.MM.YYYY hh:mm')"},
		{"name": "PAID", "value": "record.status == InvoiceStatus.INVOICE_STATUS_PAID ? 'J' : 'N'"}, {"name": "CUSTOMER", "value": "record.customer.external.external_id"},
		{"name": "TIER", "value": "has(record.custom.tier) ? record.custom.tier.text : ''"}, {"name": "DUE", "value": "text(record.due_time, 'YYYY')"},
	}}}})
	carries, err := declared(b)
	if want := []string{"custom.tier", "customer", "due_time", "issue_time", "status", "total"}; err != nil || !slices.Equal(carries[0].Out, want) {
		t.Fatalf("%v, %v", carries, err)
	}
	r, err := b.Pusher.Prepare(adapters.Patch{Kind: "invoice", RecordID: recordID, ExternalID: "5", Key: "k", Paths: carries[0].Out, Message: &canonicalv1.Invoice{
		Total: &canonicalv1.Money{CurrencyCode: "EUR", Units: -1234, Nanos: -500_000_000}, IssueTime: timestamppb.New(noon), Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID.Enum(),
		Customer: &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: "c4"}}},
		Custom:   map[string]*canonicalv1.CustomValue{"tier": {Value: &canonicalv1.CustomValue_Text{Text: "gold"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Pusher.Push(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := b.out(); len(got) != 1 || !strings.Contains(got[0], "\"-1234,50\",02.11.2026 13:00,J,c4,gold,\n") {
		t.Errorf("%q", got)
	}
}

// The file that has everything is renewed now and then, and is never seen half written.
func TestAFileWithEverythingFollowsTheChanges(t *testing.T) {
	t.Parallel()
	b := setup(t, written(object{"content": "everything", "every": "10m"}))
	b.push(patch("k1", "2", "email"))
	first := "_id;NR;MAIL;NAME;PLACE\n2;2;ada@example.com;;\n"
	b.wrote(first)
	b.push(patch("k2", "1", "email", "name"))
	b.push(patch("k3", "2", "name"))
	b.push(patch("k4", "3", "email"))
	b.wrote(first) // it is not time yet
	b.now = b.now.Add(10 * time.Minute)
	b.pull("customer", "", 1) // any pull renews it
	b.wrote("_id;NR;MAIL;NAME;PLACE\n" +
		"1;1;ada@example.com;\"\"\"Söhne\"\";Ada\";\n2;2;ada@example.com;\"\"\"Söhne\"\";Ada\";\n3;3;ada@example.com;;\n")
	b.now = b.now.Add(10 * time.Minute)
	if _, err := b.Archiver.Archive(t.Context(), adapters.Request{Kind: "customer", RecordID: recordID, ExternalID: "1", Key: "k5"}); err != nil {
		t.Fatal(err)
	}
	b.wrote("_id;NR;MAIL;NAME;PLACE\n2;2;ada@example.com;\"\"\"Söhne\"\";Ada\";\n3;3;ada@example.com;;\n")
	for range 10 {
		b.now = b.now.Add(11 * time.Minute)
		b.pull("customer", "", 1)
	}
	if left := b.files("out/.changes-customer"); len(left) > 0 {
		t.Errorf("after an hour %q are left of the changes", left)
	}
	if got := b.out(); !strings.Contains(got[0], "\n2;") || !strings.Contains(got[0], "\n3;") {
		t.Errorf("%q", got)
	}
}

// The other side takes the file with everything away, or writes in it: the next one has everything all the same.
func TestAFileWithEverythingThatIsTakenAwayComesBackWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, written(object{"content": "everything", "every": "10m"}))
	b.push(patch("k1", "1", "email"))
	write := func(name string) error {
		return errors.Join(os.WriteFile(name, []byte("mine now"), 0o600), os.Chtimes(name, b.now, b.now))
	}
	for _, spoil := range []func(string) error{os.Remove, write} {
		for range 10 { // until all changes are forgotten
			b.now = b.now.Add(11 * time.Minute)
			b.pull("customer", "", 1)
		}
		if left := b.files("out/.changes-customer"); len(left) > 0 {
			t.Fatalf("%q are left of the changes", left)
		}
		if err := spoil(filepath.Join(b.folder, "out", "customer.csv")); err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(11 * time.Minute)
		b.push(patch("k2"+b.now.String(), "2", "email"))
		b.wrote("_id;NR;MAIL;NAME;PLACE\n1;1;ada@example.com;;\n2;2;ada@example.com;;\n")
	}
}

// With another delimiter what was written cannot be read: that is told, and nothing is written over it.
func TestAFileWithEverythingInAnotherFormIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, written(object{"content": "everything", "every": "0s"}))
	b.push(patch("k1", "1", "email"))
	before := b.out()
	b.open(written(object{"content": "everything", "every": "0s", "delimiter": "|"}))
	r, err := b.Pusher.Prepare(patch("k2", "2", "email"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Pusher.Push(t.Context(), r); fault.CategoryOf(err) != fault.Transient || !strings.Contains(fmt.Sprint(err), "delimiter") {
		t.Errorf("%v", err)
	}
	b.wrote(before...)
}

// Two processes renew it at the same time.
func TestNoChangeIsLostWhereManyWriteAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, written(object{"content": "everything", "every": "0s"}))
	var all sync.WaitGroup
	for _, id := range []adapters.ExternalID{"1", "2", "3", "4", "5", "6", "7", "8"} {
		r, err := b.Pusher.Prepare(patch("key-"+string(id), id, "email"))
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if _, err := b.Pusher.Push(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b.pull("customer", "", 1)
	if got := b.out(); len(got) != 1 || strings.Count(got[0], "ada@example.com") != 8 {
		t.Errorf("%q", got)
	}
}

func TestAFolderThatIsNotThereTakesNoPush(t *testing.T) {
	t.Parallel()
	b := setup(t, written())
	if err := os.Remove(filepath.Join(b.folder, "out")); err != nil {
		t.Fatal(err)
	}
	r, err := b.Pusher.Prepare(patch("k", "17", "email"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Pusher.Push(t.Context(), r); fault.CategoryOf(err) != fault.Transient || err == nil || fault.As(err).MaybeDone {
		t.Errorf("%v", err)
	}
	if err := b.Prober.Probe(t.Context()); err == nil {
		t.Error("the probe is content")
	}
}
