package filedrop_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/filedrop"
	"github.com/canonhub/canonhub/adapters/signature"
)

// post is a file as a sender posts it.
func post(name, text string, at time.Time) adapters.Delivery {
	d := adapters.Delivery{Method: http.MethodPost, Query: url.Values{"file": {name}}.Encode(), Header: http.Header{}, Body: []byte(text), ReceivedAt: at}
	d.Header.Set("Canonhub-Signature", signature.SignFile(name, d.Body, secret, at))
	return d
}

// posted is what a posted file says.
func (b *bundle) posted(d adapters.Delivery) (adapters.Event, adapters.Translation) {
	b.t.Helper()
	if _, err := b.Webhook.Verify(d); err != nil {
		b.t.Fatal(err)
	}
	events, err := b.Webhook.Split(d)
	if err != nil || len(events) != 1 {
		b.t.Fatalf("%d events, %v", len(events), err)
	}
	out, err := b.Translator.Translate(events[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return events[0], out
}

func TestAPostedFileSaysWhatADroppedOneSays(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	text := head + "1,a@example.com\n2\n3,c@example.com\n"
	e, out := b.posted(post("customers-1.csv", text, noon))
	h := haul{observations: out.Observations, rejected: out.Rejected}
	h.says(t, "1 a@example.com", "3 c@example.com")
	h.rejects(t, "customers-1.csv, line 3: it has 1 fields, and there are 2 columns")
	if !out.Observations[0].At.Equal(noon) || !e.OccurredAt.Equal(noon) {
		t.Errorf("at %s, %s", out.Observations[0].At, e.OccurredAt)
	}
}

// Posted changes are told apart by their content alone, files with everything by the request that has them.
func TestAPostedFileIsTakenInOnce(t *testing.T) {
	t.Parallel()
	key := func(b *bundle, name, text string, at time.Time) string {
		events, err := b.Webhook.Split(post(name, text, at))
		if err != nil || len(events) != 1 {
			t.Fatalf("%v, %v", events, err)
		}
		return events[0].Key
	}
	for _, content := range []string{"changes", "everything"} {
		b := setup(t, customers(object{"content": content}))
		first := key(b, "customers-1.csv", head, noon)
		if key(b, "customers-1.csv", head, noon) != first || key(b, "customers-1.csv", head+"x", noon) == first {
			t.Errorf("%s: the same request is another event, or other content the same", content)
		}
		later, renamed := key(b, "customers-1.csv", head, noon.Add(time.Hour)), key(b, "customers-2.csv", head, noon)
		if same := content == "changes"; (later == first) != same || (renamed == first) != same {
			t.Errorf("%s: the same content later and under another name is the same event: %t and %t, want %t", content, later == first, renamed == first, same)
		}
	}
}

func TestAPostedFileMustBeNamedAndOfAKind(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	var told *adapters.Refusal
	if _, err := b.Webhook.Split(post("orders.csv", head, noon)); !errors.As(err, &told) || !strings.Contains(told.Reason, `"orders.csv"`) {
		t.Errorf("who posts a file of no kind is told %v", err)
	}
	for _, name := range []string{"", "orders.csv", "../customers.csv", "customers/1.csv", "customers\n.csv", "customers\\.csv", "customers\xff.csv"} {
		d := post(name, head, noon)
		if events, err := b.Webhook.Split(d); err == nil {
			t.Errorf("%q makes %+v", name, events)
		}
	}
	if events, err := b.Webhook.Split(post("customers.csv", "", noon)); err == nil {
		t.Errorf("an empty file makes %+v", events)
	}
	signed := post("customers-1.csv", head, noon)
	signed.Query = "file=customers-2.csv"
	if _, err := b.Webhook.Verify(signed); err == nil {
		t.Error("a file is taken under a name that was not signed")
	}
}

// A row that could not be read is a file by itself: redriven, it is read by what the options say then.
func TestARejectedRowIsReadAgainOnceTheOptionsAreRight(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.drop("customers-1.csv", "\xef\xbb\xbf"+head+"1,\"a\n@example.com\",\n2,b@example.com\n")
	b.drop("customers-2.csv", head+"1,a@example.com\n2,z\xfcrich@example.com\n")
	h := b.pull("customer", "", 10)
	_, posted := b.posted(post("customers-3.csv", head+"9,\xe4@example.com\n1,a@example.com\n", noon))
	rejected := append(h.rejected, posted.Rejected...)
	if len(rejected) != 3 {
		t.Fatalf("%+v", rejected)
	}
	for _, r := range rejected {
		if _, err := b.Translator.Translate(adapters.Event{Type: "pulled customer", Body: r.Raw}); fault.CategoryOf(err) != fault.Permanent {
			t.Errorf("read with nothing changed: %v", err)
		}
	}
	b.open(customers(object{"encoding": "windows-1252"}))
	for i, want := range []string{"", "2 zürich@example.com", "9 ä@example.com"} {
		out, err := b.Translator.Translate(adapters.Event{Type: "pulled customer", Body: rejected[i].Raw})
		if want == "" {
			if err == nil {
				t.Errorf("%s is no good still: %+v", rejected[i].Raw, out)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		haul{observations: out.Observations}.says(t, want)
		if at := out.Observations[0].At; !at.Equal(noon) && !at.Equal(noon.Add(-time.Minute)) {
			t.Errorf("it is of %s", at)
		}
	}
}

func TestARejectedRowOfXMLIsReadAgain(t *testing.T) {
	t.Parallel()
	kinds := func(id string) object {
		return object{"customer": object{"format": "xml", "record": "Envelope/Body/Customer", "id": id, "attributes": object{"email": "row.Mail"}}}
	}
	b := setup(t, kinds("row.No"))
	b.drop("customers.xml", "<?xml version='1.0' encoding='ISO-8859-1'?><e:Envelope xmlns:e='u'><e:Body>\n<Customer><Number>7</Number><Mail>\xe4@example.com</Mail></Customer>\n</e:Body></e:Envelope>")
	h := b.pull("customer", "", 10)
	h.rejects(t, "customers.xml, line 2: it has no id")
	b.open(kinds("row.Number"))
	out, err := b.Translator.Translate(adapters.Event{Type: "pulled customer", Body: h.rejected[0].Raw})
	if err != nil {
		t.Fatal(err)
	}
	haul{observations: out.Observations}.says(t, "7 ä@example.com")
}

// What tells of a file cannot be read as a row, and says what to do instead.
func TestARejectedFileIsNotRedriven(t *testing.T) {
	t.Parallel()
	b := setup(t, customers())
	b.drop("customers.csv", "X\n1\n")
	h := b.pull("customer", "", 10)
	_, err := b.Translator.Translate(adapters.Event{Type: "pulled customer", Body: h.rejected[0].Raw})
	if fault.CategoryOf(err) != fault.Permanent {
		t.Errorf("%v", err)
	}
	for _, body := range []string{"canonhub-row ", "canonhub-row {}\n", "canonhub-row {\"kind\":\"order\"}\nx", "canonhub-row x\nNR,MAIL\n1,a", "anything"} {
		if out, err := b.Translator.Translate(adapters.Event{Type: "pulled customer", Body: []byte(body)}); fault.CategoryOf(err) != fault.Permanent {
			t.Errorf("%q is read as %+v, %v", body, out, err)
		}
	}
}

// Whatever is posted, and whatever is redriven, is an error or observations with an id and a time.
func FuzzTranslate(f *testing.F) {
	f.Add("customers.csv", []byte(head+"1,a@example.com\n2\n"))
	f.Add("customers.csv", []byte("\xff\xfeN\x00R\x00,\x00"))
	f.Add("tickets.xml", []byte("<l><r id='1'><Title>a</Title><p>1</p><p>2</p></r><r/></l>"))
	f.Add("", []byte("canonhub-row {\"kind\":\"customer\",\"file\":\"customers.csv\",\"line\":2}\nNR,MAIL\n1,\xff\n"))
	kinds := customers(object{"version": "int(row.?V.orValue('0'))", "encoding": "windows-1252"})
	kinds["ticket"] = object{"format": "xml", "files": "tickets*", "record": "l/r", "lists": []string{"p"}, "id": "row['@id']", "attributes": object{
		"subject": "row.Title", "status": "row.Status", "open_time": "date(row.Day, 'DD.MM.YYYY')", "tags": "lists.p.map(p, p['.'])"}}
	options, err := json.Marshal(object{"folder": "/nowhere", "kinds": kinds})
	if err != nil {
		f.Fatal(err)
	}
	a, err := filedrop.Factory().Open(adapters.Settings{Options: options, WebhookSecrets: []adapters.Secret{secret}, Now: func() time.Time { return noon }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		events := []adapters.Event{{Type: "pulled customer", Body: body}}
		if posted, err := a.Webhook.Split(post(name, string(body), noon)); err == nil {
			events = append(events, posted...)
		}
		for _, e := range events {
			out, err := a.Translator.Translate(e)
			if err == nil && (len(out.Observations) == 0) != (out.Ignored != "") {
				t.Errorf("%d observations, ignored %q", len(out.Observations), out.Ignored)
			}
			for _, o := range out.Observations {
				if o.ExternalID == "" || o.Gone != (o.Message == nil) || !json.Valid(o.Raw) {
					t.Errorf("%+v", o)
				}
			}
			for _, r := range out.Rejected {
				if _, err := a.Translator.Translate(adapters.Event{Type: e.Type, Body: r.Raw}); fault.CategoryOf(err) != fault.Permanent {
					t.Errorf("%s: %s; and read again it is not: %v", r.Where, r.Reason, err)
				}
			}
		}
	})
}
