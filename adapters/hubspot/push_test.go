package hubspot_test

import (
	"bytes"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/hubspot"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestCreateLeavesOurIDAndAnswersWithASnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ack := b.mustPush(t, create(ada(), "email", "name", "phone"))
	if ack.Found || ack.Observation.Paths != nil || ack.Observation.RecordID != recordID || len(ack.Observation.Raw) == 0 {
		t.Fatalf("got %+v", ack)
	}
	if got := ack.Observation.Message.(*canonicalv1.Customer); !proto.Equal(got, ada()) {
		t.Errorf("the contact holds %v", got)
	}
	if got := b.held(t, ack.Observation.ExternalID, "canonhub_id"); got != recordID {
		t.Errorf("canonhub_id is %q", got)
	}
}

func TestCreateSentAgainAfterALostAnswerMakesNoSecondContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, err := b.Pusher.Prepare(create(ada(), "name")) // without an e-mail address nothing else tells them apart
	if err != nil {
		t.Fatal(err)
	}
	b.sandbox.Inject(sandbox.Fault{Write: true, AfterWork: true})
	if _, err := b.Pusher.Push(t.Context(), r); err == nil || !fault.As(err).MaybeDone {
		t.Fatalf("a lost answer is %v", err)
	}
	ack, err := b.Pusher.Push(t.Context(), r)
	if err != nil || ack.Found {
		t.Fatalf("sent again: %+v, %v", ack, err)
	}
	found, err := b.Pusher.Find(t.Context(), r)
	if err != nil || found == nil || found.ExternalID != ack.Observation.ExternalID {
		t.Errorf("find: %+v, %v", found, err)
	}
	if n := len(b.sandbox.Contacts()); n != 1 {
		t.Errorf("there are %d contacts", n)
	}
}

func TestAFailedReadBehindAWriteLeavesOpenWhetherItWasDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sandbox.Inject(sandbox.Fault{Method: http.MethodGet, Status: http.StatusTooManyRequests})
	_, err := b.push(t, create(ada(), "name"))
	if f := fault.As(err); err == nil || f.Category != fault.Throttle || !f.MaybeDone {
		t.Errorf("got %v", err)
	}
}

func TestFindKnowsNothingOfWhatWasNeverMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	found, err := b.Pusher.Find(t.Context(), adapters.Request{Kind: "customer", RecordID: recordID})
	if found != nil || err != nil {
		t.Errorf("got %+v, %v", found, err)
	}
}

func TestCreateWithAnAddressThatAContactHasFindsThatContact(t *testing.T) {
	t.Parallel()
	for name, owner := range map[string]map[string]string{
		"as its first":   {"email": "ada@example.com", "firstname": "Augusta"},
		"as another one": {"email": "augusta@example.com", "firstname": "Augusta", "hs_additional_emails": "ada@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.user(t, owner)
			ack := b.mustPush(t, create(ada(), "email", "name"))
			got := ack.Observation.Message.(*canonicalv1.Customer)
			if !ack.Found || ack.Observation.ExternalID != id || got.GetName().GetGiven() != "Augusta" {
				t.Errorf("got %+v", ack)
			}
			if n := len(b.sandbox.Contacts()); n != 1 {
				t.Errorf("there are %d contacts", n)
			}
		})
	}
}

func TestCreateFindsTheContactWhateverFormTheConflictHas(t *testing.T) {
	t.Parallel()
	for name, conflict := range map[string]struct {
		status int
		body   string
	}{
		"409 that names it":   {409, `{"status":"error","message":"Contact already exists. Existing ID: %ID","category":"CONFLICT"}`},
		"409 that does not":   {409, `{"status":"error","message":"conflict","category":"OBJECT_ALREADY_EXISTS"}`},
		"400 for the address": {400, `{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"1 already has that value.\",\"error\":\"CONFLICTING_UNIQUE_VALUE\",\"name\":\"email\"}]"}`},
		"207 that names it":   {207, `{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_ALREADY_EXISTS","message":"A contact exists. Existing ID: %ID"}]}`},
		"409 with a wrong id": {409, `{"status":"error","message":"Contact already exists. Existing ID: 1","category":"CONFLICT"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.user(t, map[string]string{"email": "ada@example.com"})
			a := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/batch/upsert") {
					answer(conflict.status, "application/json", strings.ReplaceAll(conflict.body, "%ID", string(id))).ServeHTTP(w, r)
					return
				}
				b.sandbox.ServeHTTP(w, r)
			}))
			r, err := a.Pusher.Prepare(create(ada(), "email"))
			if err != nil {
				t.Fatal(err)
			}
			if ack, err := a.Pusher.Push(t.Context(), r); err != nil || !ack.Found || ack.Observation.ExternalID != id {
				t.Errorf("got %+v, %v", ack, err)
			}
		})
	}
}

func TestUpdateClearsWhatTheRecordLacks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"email": "ada@example.com", "firstname": "Ada", "company": "Engines", "country": "Germany"})
	ack := b.mustPush(t, update(id, ada(), "company", "billing_address.country_code", "phone"))
	got := ack.Observation.Message.(*canonicalv1.Customer)
	if got.GetCompany() != "" || got.GetBillingAddress() != nil || got.GetPhone() != "+442079460018" || got.GetName().GetGiven() != "Ada" {
		t.Errorf("got %v", got)
	}
}

func TestUpdateWithAnotherContactsAddressRefusesTheAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.user(t, map[string]string{"email": "ada@example.com"})
	id := b.user(t, map[string]string{"email": "augusta@example.com"})
	_, err := b.push(t, update(id, ada(), "email", "name"))
	if f := fault.As(err); err == nil || f.Category != fault.Permanent || len(f.Refused) != 1 || f.Refused["email"] == "" {
		t.Errorf("got %v", err)
	}
}

func TestAStageMovesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"email": "ada@example.com", "lifecyclestage": "customer"})
	lead := ada()
	lead.LifecycleStage = canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD.Enum()
	ack := b.mustPush(t, update(id, lead, "lifecycle_stage", "name"))
	if got := ack.Observation.Message.(*canonicalv1.Customer).GetLifecycleStage(); got != lead.GetLifecycleStage() {
		t.Errorf("the answer says %v", got)
	}
	if got := b.held(t, id, "lifecyclestage"); got != "lead" {
		t.Errorf("HubSpot holds %q", got)
	}
}

func TestAStageThatHubSpotKeepsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"email": "ada@example.com", "lifecyclestage": "customer"})
	a := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch { // an automation that always wins
			answer(200, "application/json", `{}`).ServeHTTP(w, r)
			return
		}
		b.sandbox.ServeHTTP(w, r)
	}))
	lead := &canonicalv1.Customer{LifecycleStage: canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD.Enum()}
	_, err := (&bundle{Adapter: a}).push(t, update(id, lead, "lifecycle_stage"))
	if f := fault.As(err); err == nil || f.Category != fault.Permanent || f.Refused["lifecycle_stage"] == "" || f.MaybeDone {
		t.Errorf("got %v", err)
	}
}

func TestRefusedPropertiesBecomeAttributes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	record := ada()
	record.Email = proto.String("ada@nowhere")
	record.Locale = proto.String("tlh")
	record.LifecycleStageRaw = proto.String("somebody else's stage")
	for name, p := range map[string]adapters.Patch{
		"create": create(record, "email", "locale", "lifecycle_stage", "name"),
		"update": update(b.user(t, map[string]string{"firstname": "A"}), record, "email", "locale", "lifecycle_stage", "name"),
	} {
		_, err := b.push(t, p)
		f := fault.As(err)
		if err == nil || f.Category != fault.Permanent || len(f.Refused) != 3 || f.Refused["email"] == "" || f.Refused["locale"] == "" || f.Refused["lifecycle_stage"] == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestPrepareRefusesWhatHubSpotCannotHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	former := &canonicalv1.Customer{LifecycleStage: canonicalv1.LifecycleStage_LIFECYCLE_STAGE_FORMER.Enum()}
	for name, c := range map[string]struct {
		patch   adapters.Patch
		refused []string
	}{
		"a stage without a counterpart": {create(former, "lifecycle_stage", "name"), []string{"lifecycle_stage"}},
		"paths that are not held":       {update("1", ada(), "note", "further_emails", "email"), []string{"note", "further_emails"}},
		"another kind":                  {adapters.Patch{Kind: "order", Message: ada(), Paths: []string{"email"}}, nil},
		"another message":               {adapters.Patch{Kind: "customer", Message: &canonicalv1.Order{}, Paths: []string{"email"}}, nil},
		"nothing":                       {create(ada()), nil},
		"an id that is a path":          {update("1/../2", ada(), "email"), nil},
	} {
		_, err := b.Pusher.Prepare(c.patch)
		f := fault.As(err)
		if err == nil || f.Category != fault.Permanent || len(f.Refused) != len(c.refused) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, path := range c.refused {
			if f.Refused[path] == "" {
				t.Errorf("%s: %s is not refused: %v", name, path, err)
			}
		}
	}
}

func TestPreparedBytesDependOnThePatchAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.Pusher.Prepare(create(ada(), "email", "name", "phone", "company"))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := b.Pusher.Prepare(create(ada(), "phone", "company", "name", "email"))
		if err != nil || !bytes.Equal(first.Body, again.Body) {
			t.Fatalf("got %s, then %s (%v)", first.Body, again.Body, err)
		}
	}
}

func TestNamesAreCutWhereARecordHasNoParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	record := &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Ada King Lovelace")}}
	ack := b.mustPush(t, create(record, "name"))
	if first, last := b.held(t, ack.Observation.ExternalID, "firstname"), b.held(t, ack.Observation.ExternalID, "lastname"); first != "Ada King" || last != "Lovelace" {
		t.Errorf("got %q and %q", first, last)
	}
}

func TestCreateWithoutTheUniquePropertySaysHowToMakeIt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.WithoutRecordID = true })
	r, err := b.Pusher.Prepare(create(ada(), "email"))
	if err != nil {
		t.Fatal(err)
	}
	_, pushed := b.Pusher.Push(t.Context(), r)
	_, looked := b.Pusher.Find(t.Context(), r)
	for _, err := range []error{pushed, looked} {
		if f := fault.As(err); err == nil || f.Category != fault.Permanent || len(f.Refused) > 0 || !strings.Contains(f.Message, "POST /crm/properties/2026-03/contacts") {
			t.Errorf("got %v", err)
		}
	}
}

func TestACreateThatNamesNobodySaysSo(t *testing.T) {
	t.Parallel()
	_, err := setup(t).push(t, create(ada(), "phone"))
	if f := fault.As(err); err == nil || f.Category != fault.Permanent || !strings.Contains(f.Message, "an e-mail address or a name") {
		t.Errorf("got %v", err)
	}
}

func TestAWriteToAContactThatIsNotThereIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	archived := b.user(t, map[string]string{"email": "x@example.com"})
	if err := b.sandbox.Delete(string(archived)); err != nil {
		t.Fatal(err)
	}
	first, second := b.user(t, map[string]string{"email": "a@example.com"}), b.user(t, map[string]string{"email": "b@example.com"})
	if _, err := b.sandbox.Merge(string(first), string(second)); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]adapters.ExternalID{"archived": archived, "merged": second, "never there": "1"} {
		if _, err := b.push(t, update(id, ada(), "name")); fault.CategoryOf(err) != fault.Gone {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestErrorsQuoteNoPersonalData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.user(t, map[string]string{"email": "private@example.com"})
	id := b.user(t, map[string]string{"email": "other@example.com"})
	bad, taken := ada(), ada()
	bad.Email, bad.LifecycleStageRaw = proto.String("private@nowhere"), proto.String("private stage")
	taken.Email = proto.String("private@example.com")
	for name, p := range map[string]adapters.Patch{
		"invalid": update(id, bad, "email", "lifecycle_stage"), "taken": update(id, taken, "email"),
		"invalid create": create(bad, "email", "lifecycle_stage"),
	} {
		_, err := b.push(t, p)
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), "private") || strings.Contains(err.Error(), token) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What a person changes between our write and the read behind it is theirs: the answer does not pass it off as what HubSpot
// made of our write, and tells nothing of it.
func TestAnEditBetweenAWriteAndItsReadIsNotTheWritesAnswer(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string][]string{"update": {"phone"}, "create": {"email", "name", "phone"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			var reads atomic.Int32
			s := sandbox.New(sandbox.Options{AccessToken: token, ClientSecret: clientSecret, PortalID: 62515,
				Now: func() time.Time { return now.Add(time.Duration(reads.Load()) * time.Minute) }})
			t.Cleanup(s.Close)
			id := adapters.ExternalID("")
			b := &bundle{sandbox: s, Adapter: connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && reads.Add(1) == 1 {
					if err := s.Edit(path.Base(r.URL.Path), map[string]string{"phone": "+4940111111", "lifecyclestage": "lead"}); err != nil {
						t.Error(err)
					}
				}
				s.ServeHTTP(w, r)
			}))}
			patch := create(ada(), paths...)
			if name == "update" {
				id = b.user(t, map[string]string{"email": "ada@example.com"})
				patch = update(id, ada(), paths...)
			}
			o := b.mustPush(t, patch).Observation
			if got := o.Message.(*canonicalv1.Customer); got.GetPhone() != ada().GetPhone() || !slices.Equal(slices.Sorted(slices.Values(o.Paths)), paths) {
				t.Errorf("the answer tells %q of %v", got.GetPhone(), o.Paths)
			}
			later := b.fetch(t, o.ExternalID)
			if got := later.Message.(*canonicalv1.Customer); got.GetPhone() != "+4940111111" || !later.At.After(o.At) {
				t.Errorf("the person's number is read as %q, at %s after %s", got.GetPhone(), later.At, o.At)
			}
		})
	}
}

// People grant access at another host than the API's.
func TestOAuthKnowsBothHosts(t *testing.T) {
	t.Parallel()
	f := hubspot.Factory()
	o := f.OAuth(adapters.Settings{BaseURL: f.DefaultBaseURL})
	if o.AuthorizeURL != "https://app.hubspot.com/oauth/authorize" || o.TokenURL != "https://api.hubapi.com/oauth/2026-03/token" {
		t.Errorf("%+v", o)
	}
	if o := f.OAuth(adapters.Settings{BaseURL: "http://127.0.0.1:1"}); o.AuthorizeURL != "http://127.0.0.1:1/oauth/authorize" {
		t.Errorf("%+v", o)
	}
}

func TestAPageOfSomeProxyArchivesNothing(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ids := map[adapters.Kind]adapters.ExternalID{"customer": b.contact(t, "ada"), "ticket": b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"})}
	a := connectWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			answer(http.StatusOK, "text/html", "<html>Log in</html>").ServeHTTP(w, r)
			return
		}
		b.sandbox.ServeHTTP(w, r)
	}), withTickets)
	for kind, id := range ids {
		_, err := a.Archiver.Archive(t.Context(), adapters.Request{Kind: kind, ExternalID: id})
		if f := fault.As(err); err == nil || f.Category != fault.Transient || !f.MaybeDone {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}
