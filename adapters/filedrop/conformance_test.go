package filedrop_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/filedrop"
	"github.com/canonhub/canonhub/adapters/filedrop/sandbox"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/signature"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const noAPI = "there is no API that could answer so; what a folder does instead is tested here"

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, suite(t, false))
}

// The same system, with exports that have everything and leave out what is deleted.
func TestConformanceOfWholeExports(t *testing.T) {
	t.Parallel()
	s := suite(t, true)
	s.Readme = "testdata/everything.md"
	s.Waive["APullOfChangesGivesWhatChanged"] = "an export that has everything says everything again"
	s.Waive["NothingBetweenPagesIsLeftOut"] = "the check counts pages, and each of its exports has everything again"
	s.ByChance = map[string]bool{"NothingBetweenPagesIsLeftOut": true} // it ends where the system is slower than the reader
	adaptertest.Run(t, s)
}

func suite(t testing.TB, whole bool) adaptertest.Suite {
	return adaptertest.Suite{
		Factory: filedrop.Factory(), Options: configured(t, "/nonexistent/canonhub", whole), Golden: "testdata", Readme: "README.md", Request: request,
		Start: func(t testing.TB, s adapters.Settings) *adaptertest.Fixture { return start(t, s, whole) },
		Sign:  sign,
		Open: []adaptertest.Place{
			{File: "customer.json", Pointer: "/0"}, {File: "order.json", Pointer: "/0"}, {File: "order.json", Pointer: "/0/Customer"},
			{File: "invoice.json", Pointer: "/0/Status", Path: "status"},
		},
		Amounts: []adaptertest.AmountPlace{
			{File: "order.json", Pointer: "/0/Total", Currency: "/0/Currency", Path: "total", Write: comma},
			{File: "invoice.json", Pointer: "/0/Total", Currency: "/0/Currency", Path: "total", Write: comma},
		},
		Times: []adaptertest.TimePlace{
			{File: "customer.json", Pointer: "/0/CHANGED", Write: stamp, Unit: time.Second}, {File: "order.json", Pointer: "/0/Placed", Path: "place_time", Write: stamp, Unit: time.Second},
			{File: "invoice.json", Pointer: "/0/Issued", Path: "issue_time", Write: stamp, Unit: time.Second}, {File: "ticket.json", Pointer: "/0/OPENED", Path: "open_time", Write: stamp, Unit: time.Second},
		},
		Waive: map[string]string{
			"GoldenErrors": noAPI, "ATransientFailureIsRecorded": noAPI, "AThrottleIsRecorded": noAPI, "APermanentFailureIsRecorded": noAPI,
			"ARefusedCredentialIsRecorded": noAPI, "AMissingObjectIsRecorded": noAPI, "AConflictIsRecorded": noAPI, "OneCallIsOneAttempt": noAPI,
			"AThrottleIsReadInEachForm": noAPI, "HintsAreRead": noAPI, "AnAnswerThatIsNoneIsAFault": noAPI,
			"AFailedProbeHasItsCategory": noAPI, "AFailedPullHasItsCategory": noAPI, "AFailedArchiveHasItsCategory": noAPI, "ArchiveWhoseAnswerIsLostIsDoneOnce": noAPI,
		},
	}
}

func comma(m *canonicalv1.Money) (any, bool) {
	return strings.Replace(money.ToDecimal(m), ".", ",", 1), true
}

func stamp(at time.Time) any { return at.Format("2006-01-02T15:04:05Z") }

// configured are the options of testdata for a folder.
func configured(t testing.TB, folder string, whole bool) json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/options.conformance")
	if err != nil {
		t.Fatal(err)
	}
	var options struct {
		Folder string            `json:"folder"`
		Settle string            `json:"settle"`
		Kinds  map[string]object `json:"kinds"`
	}
	if err := json.Unmarshal(text, &options); err != nil {
		t.Fatal(err)
	}
	options.Folder = folder
	for _, kind := range options.Kinds {
		if whole {
			kind["content"], kind["vanished"], kind["max_vanished"] = "everything", "delete", 1
		}
	}
	text, err = json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// request is how the system would post the rows of a recorded file, with its name.
func request(file string, input []byte) adapters.Delivery {
	kind := strings.TrimSuffix(path.Base(file), ".json")
	d := adapters.Delivery{Method: http.MethodPost, Query: url.Values{"file": {kind + "s-1." + sandbox.Extension(kind)}}.Encode(), Body: input}
	var rows []sandbox.Row
	if json.Unmarshal(input, &rows) == nil {
		d.Body = sandbox.Encode(kind, rows)
	}
	return d
}

func sign(_ adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	d := request("customer.json", body)
	d.Header = http.Header{"Content-Type": {"text/csv"}}
	d.Header.Set("Canonhub-Signature", signature.SignFile("customers-1.csv", d.Body, secret, at))
	return d
}

func start(t testing.TB, s adapters.Settings, whole bool) *adaptertest.Fixture {
	folder := t.TempDir()
	system, err := sandbox.New(sandbox.Options{Folder: folder, URL: s.PublicURL, Secret: s.WebhookSecrets[0].Reveal(), Now: s.Now, Everything: whole})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(system.Close)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var n atomic.Int64
	seed := func(kind adapters.Kind, many int) (ids []adapters.ExternalID) {
		rows := map[string]sandbox.Row{}
		for range many {
			id, row := seeded(kind, n.Add(1), s.Now())
			rows[id], ids = row, append(ids, adapters.ExternalID(id))
		}
		must(system.Put(string(kind), rows))
		return ids
	}
	return &adaptertest.Fixture{
		Options: configured(t, folder, whole), Settled: system.Settled, SeedMany: seed,
		Seed:   func(kind adapters.Kind) adapters.ExternalID { return seed(kind, 1)[0] },
		Inject: func(adaptertest.Fault) {},
		Sample: func(adapters.Kind) (first, second proto.Message) {
			return &canonicalv1.Customer{}, &canonicalv1.Customer{}
		},
		Edit: func(o adapters.Object) {
			row := system.Row(string(o.Kind), string(o.ExternalID))
			for _, name := range []string{"MAIL", "Number", "Note", "SUBJECT"} {
				if _, has := row[name]; has && name != "Number" || name == "Number" && o.Kind == "order" {
					row[name] = fmt.Sprintf("edited-%d@example.com", n.Add(1))
				}
			}
			changed(row, s.Now())
			must(system.Put(string(o.Kind), map[string]sandbox.Row{string(o.ExternalID): row}))
		},
		Delete: func(o adapters.Object) bool {
			must(system.Delete(string(o.Kind), string(o.ExternalID)))
			return true
		},
		Count: func(kind adapters.Kind) int {
			many, err := system.Count(string(kind))
			must(err)
			return many
		},
	}
}

func changed(row sandbox.Row, at time.Time) {
	for _, name := range []string{"CHANGED", "Changed"} {
		if _, has := row[name]; has {
			row[name] = stamp(at.UTC())
		}
	}
}

// seeded is the n-th object of a kind.
func seeded(kind adapters.Kind, n int64, now time.Time) (id string, row sandbox.Row) {
	text, at := fmt.Sprint(n), stamp(now.UTC())
	switch kind {
	case "order":
		return text, sandbox.Row{"@id": text, "Revision": "1", "Number": "A-" + text, "Customer": sandbox.Row{"Id": "1", "Mail": "seed@example.com"}, "Currency": "EUR", "Total": "12,50",
			"Status": "20", "Placed": at, "Changed": at, "Position": []sandbox.Row{{"@nr": "1", "Text": "Nut", "Count": "1", "Price": "12,50"}}}
	case "invoice":
		return "R-" + text, sandbox.Row{"Number": "R-" + text, "Customer": "1", "Currency": "EUR", "Total": "12,50", "Due": "12,50", "Status": "O", "Issued": at, "Changed": at, "Note": "Zoë"}
	case "ticket":
		return text, sandbox.Row{"ID": text, "SUBJECT": "Broken " + text, "TEXT": "It is.", "CUSTOMER": "1", "AGENT": "kim@example.com", "STATE": "N", "PRIORITY": "high", "TAGS": "a", "OPENED": at, "CHANGED": at}
	}
	return text, sandbox.Row{"NR": text, "OURS": "", "FIRST": "Grace", "LAST": "Höpper " + text, "MAIL": "seed-" + text + "@example.com", "PHONE": "030/901820", "STREET": "Weg 1", "CITY": "Köln",
		"ZIP": "01067", "COUNTRY": "DE", "STAGE": "K", "NEWSLETTER": "J", "GROUP": "A", "CHANGED": at}
}
