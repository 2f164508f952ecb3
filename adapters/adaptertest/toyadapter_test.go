package adaptertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/signature"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// sin is something that the toy adapter does wrong on purpose; "" is a good adapter.
type sin string

// toySuite judges the toy adapter.
func toySuite(of sin) adaptertest.Suite {
	paths := []string{"name", "email", "company", "lifecycle_stage", "custom.*"}
	carriage := adapters.Carriage{Kind: "customer", In: paths, Out: paths, Create: true, Losses: map[string]string{
		"name": "One field for the whole name.", "custom.*": "Texts alone.",
	}, Archive: true, Pull: adapters.Pull{MaxPage: 100, Changes: true, Deletes: true, Lag: time.Second}}
	if of == "carries a path that does not exist" {
		carriage.In = append(paths[:4:4], "custom.*", "emial")
	}
	if of == "lacks without a reason" {
		carriage.Pull.Deletes = false
	}
	if of == "hides a loss" {
		delete(carriage.Losses, "name")
	}
	return adaptertest.Suite{
		Factory: adapters.Factory{
			Name: "toy", DefaultBaseURL: "https://toy.example.com", Credentials: []string{"token"}, Carries: []adapters.Carriage{carriage},
			Open: func(s adapters.Settings) (*adapters.Adapter, error) { return openToy(s, of) },
		},
		Start: startToy, Sign: signToy, Golden: "testdata", Readme: "testdata/README.md",
		Limits: []adaptertest.LimitsCase{{Header: map[string]string{"Toy-Left": "7"}, Body: "{}",
			Want: []adapters.Hint{{Limit: "minute", Size: 60, Remaining: 7, Window: time.Minute}}}},
		Times: []adaptertest.TimePlace{{File: "objects/customer/plain.json", Pointer: "/updated", Unit: time.Millisecond,
			Write: func(at time.Time) any { return at.UnixMilli() }}},
		Open: []adaptertest.Place{
			{File: "updated.json", Pointer: "/object/fields"},
			{File: "updated.json", Pointer: "/object/fields/stage", Path: "lifecycle_stage"},
			{File: "objects/customer/plain.json", Pointer: "/fields"},
		},
	}
}

func openToy(s adapters.Settings, of sin) (*adapters.Adapter, error) {
	token := s.Credentials["token"]
	if token.IsZero() {
		return nil, errors.New("toy needs the credential token")
	}
	if err := s.DecodeOptions(&struct{}{}); err != nil && of != "takes any option" {
		return nil, err
	}
	t := &toy{sin: of, settings: s, api: httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, "token"), Hints: func(r httpapi.Response) []adapters.Hint {
		left, err := strconv.ParseUint(r.Header.Get("Toy-Left"), 10, 16)
		if err != nil || of == "hears no hint" {
			return nil
		}
		return []adapters.Hint{{Limit: "minute", Size: 60, Remaining: float64(left), Window: time.Minute}}
	}})}
	if of == "prints a secret" {
		t.plain = token.Reveal()
	}
	return &adapters.Adapter{MappingVersion: 1, Webhook: t, Translator: t, Fetcher: t, Puller: t, Counter: t, Pusher: t, Archiver: t, Prober: t}, nil
}

type toy struct {
	sin      sin
	settings adapters.Settings
	api      *httpapi.Client
	plain    string
	splits   int
}

func (a *toy) Verify(d adapters.Delivery) (int, error) {
	tolerance, now := 5*time.Minute, d.ReceivedAt
	switch a.sin {
	case "accepts everything":
		return 0, nil
	case "accepts any time":
		tolerance = 200 * 365 * 24 * time.Hour
	case "accepts the future":
		if at := d.Header.Get("Toy-Signature"); strings.HasPrefix(at, "t=") {
			var seconds int64
			_, _ = fmt.Sscanf(at, "t=%d,", &seconds)
			now = time.Unix(max(now.Unix(), seconds), 0)
		}
	case "compares hex as text":
		if header := d.Header.Get("Toy-Signature"); header != strings.ToLower(header) {
			return 0, signature.ErrMismatch
		}
	case "tells another secret":
		_, err := signature.VerifyStripe(d.Header.Get("Toy-Signature"), d.Body, a.settings.WebhookSecrets, now, tolerance)
		return 0, err
	case "knows one secret":
		return signature.VerifyStripe(d.Header.Get("Toy-Signature"), d.Body, a.settings.WebhookSecrets[:1], now, tolerance)
	}
	return signature.VerifyStripe(d.Header.Get("Toy-Signature"), d.Body, a.settings.WebhookSecrets, now, tolerance)
}

func (a *toy) Split(d adapters.Delivery) ([]adapters.Event, error) {
	var e struct {
		ID, Type string
		At       int64
	}
	if err := json.Unmarshal(d.Body, &e); err != nil || e.ID == "" {
		return nil, errors.New("it is no event")
	}
	switch a.sin {
	case "keys by delivery":
		a.splits++
		e.ID += fmt.Sprint(a.splits)
	case "keys by type":
		e.ID = e.Type
	}
	return []adapters.Event{{Key: url.PathEscape(e.ID), Type: e.Type, OccurredAt: time.UnixMilli(e.At).UTC(), Body: d.Body}}, nil
}

func (a *toy) Translate(e adapters.Event) (adapters.Translation, error) {
	var in struct {
		Object json.RawMessage `json:"object"`
	}
	_ = json.Unmarshal(e.Body, &in)
	o, err := a.observe(in.Object)
	if err != nil {
		return adapters.Translation{}, err
	}
	if e.Type == "deleted" {
		return adapters.Translation{Observations: []adapters.Observation{{Object: o.Object, At: e.OccurredAt, Gone: true, MergedInto: o.MergedInto, Raw: e.Body}}}, nil
	}
	return adapters.Translation{Observations: []adapters.Observation{o}}, nil
}

var (
	stages = map[string]canonicalv1.LifecycleStage{
		"lead": canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD, "customer": canonicalv1.LifecycleStage_LIFECYCLE_STAGE_CUSTOMER,
	}
	customName = regexp.MustCompile(`^c_[a-z][a-z0-9_]{0,60}$`)
	ourID      = regexp.MustCompile(`^customer_[0-7][0-9a-hjkmnp-tv-z]{25}$`)
)

func (a *toy) observe(raw []byte) (adapters.Observation, error) {
	var in thing
	if err := json.Unmarshal(raw, &in); err != nil || in.ID == "" {
		if a.sin == "breaks" {
			panic(err)
		}
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: "read", Message: "it is no thing"}
	}
	c := &canonicalv1.Customer{}
	o := adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: adapters.ExternalID(in.ID)}, Message: c, Raw: raw,
		At: time.UnixMilli(max(in.Updated, 1)).UTC()}
	if a.sin == "reads whole seconds" {
		o.At = o.At.Truncate(time.Second)
	}
	if in.Gone {
		o.Gone, o.Message = true, nil
		if a.sin != "forgets who lives on" {
			o.MergedInto = adapters.ExternalID(in.Merged)
		}
		return o, nil
	}
	if ourID.MatchString(in.RecordID) && a.sin != "leaves no record id" {
		o.RecordID = in.RecordID
	}
	for _, field := range slices.Sorted(maps.Keys(in.Fields)) {
		a.read(&o, c, field, in.Fields[field])
	}
	if a.sin == "says what it does not carry" {
		c.Note = proto.String("secretly")
	}
	return o, nil
}

func (a *toy) read(o *adapters.Observation, c *canonicalv1.Customer, field, text string) {
	switch known, ok := stages[text]; {
	case text == "":
	case field == "full_name":
		c.Name = &canonicalv1.PersonName{Full: &text}
	case field == "email":
		c.Email = &text
	case field == "company":
		c.Company = &text
	case field == "stage" && ok:
		c.LifecycleStage = &known
	case field == "stage":
		c.LifecycleStage, c.LifecycleStageRaw = canonicalv1.LifecycleStage_LIFECYCLE_STAGE_UNSPECIFIED.Enum(), &text
		o.Unknown = append(o.Unknown, "stage="+text)
	case customName.MatchString(field):
		if c.Custom == nil {
			c.Custom = map[string]*canonicalv1.CustomValue{}
		}
		c.Custom[field[2:]] = &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: text}}
	case a.sin != "drops what it does not know":
		o.Unknown = append(o.Unknown, field)
	}
}

func (a *toy) call(ctx context.Context, op string, r httpapi.Request) (httpapi.Response, error) {
	answer, err := a.api.Do(ctx, op, r)
	if err == nil && answer.Status != http.StatusOK {
		f := httpapi.Fault(op, answer)
		if answer.Status == http.StatusConflict {
			f.Category = fault.Permanent
		}
		switch a.sin {
		case "quotes the answer":
			f.Message = string(answer.Body)
		case "takes everything for transient":
			f.Category = fault.Transient
		case "drops Retry-After":
			f.RetryAfter = 0
		case "never in doubt":
			f.MaybeDone = false
		}
		err = f
	}
	if err != nil && a.sin == "tries again" && r.Method == http.MethodGet {
		return a.api.Do(ctx, op, r)
	}
	return answer, err
}

func (a *toy) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	if a.sin == "does not listen to its context" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 4*time.Second)
		defer cancel()
	}
	answer, err := a.call(ctx, "fetch", httpapi.Request{Method: "GET", Path: "/things/" + url.PathEscape(string(o.ExternalID))})
	if err != nil {
		return adapters.Observation{}, err
	}
	return a.observe(answer.Body)
}

func (a *toy) Probe(ctx context.Context) error {
	_, err := a.call(ctx, "probe", httpapi.Request{Method: "GET", Path: "/ping"})
	return err
}

func (a *toy) Prepare(p adapters.Patch) (adapters.Request, error) {
	c, _ := p.Message.(*canonicalv1.Customer)
	out := thing{Fields: map[string]string{}, Held: a.held(p)}
	if p.ExternalID == "" && a.sin != "leaves no record id" {
		out.RecordID = p.RecordID
	}
	refused := map[string]string{}
	for _, path := range p.Paths {
		if !a.write(out.Fields, c, path) {
			refused[path] = "the toy cannot hold it"
		}
	}
	if len(refused) > 0 && a.sin != "passes over what it cannot hold" {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: "prepare", Refused: refused}
	}
	if a.sin == "is not deterministic" {
		out.Fields["c_now"] = time.Now().String()
	}
	body, err := json.Marshal(out)
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, err
}

// held are the fields as the hub last saw them, as far as it did.
func (a *toy) held(p adapters.Patch) map[string]string {
	out := map[string]string{}
	seen, _ := p.Held.(*canonicalv1.Customer)
	for _, path := range p.Paths {
		fields := map[string]string{}
		if seen == nil || a.sin == "writes over what it has not seen" || !a.write(fields, seen, path) {
			continue
		}
		for field, text := range fields {
			if text != "" || slices.Contains(p.HeldEmpty, path) && a.sin != "takes empty for unknown" {
				out[field] = text
			}
		}
	}
	return out
}

func (a *toy) write(fields map[string]string, c *canonicalv1.Customer, path string) bool {
	name, custom := strings.CutPrefix(path, "custom.")
	switch {
	case custom:
		v, ok := c.GetCustom()[name]
		_, isText := v.GetValue().(*canonicalv1.CustomValue_Text)
		fields["c_"+name] = v.GetText()
		return !ok || isText
	case path == "name":
		fields["full_name"] = c.GetName().GetFull()
	case path == "email":
		fields["email"] = c.GetEmail()
		if a.sin == "loses case" {
			fields["email"] = strings.ToLower(c.GetEmail())
		}
	case path == "company":
		fields["company"] = c.GetCompany()
		if a.sin == "sets another attribute, too" {
			fields["c_tier"] = c.GetCompany()
		}
	case path == "lifecycle_stage":
		fields["stage"] = ""
		for text, stage := range stages {
			if stage == c.GetLifecycleStage() {
				fields["stage"] = text
			}
		}
		return c.GetLifecycleStage() == 0 || fields["stage"] != ""
	default:
		return false
	}
	if a.sin == "does not clear" && fields["company"] == "" {
		delete(fields, "company")
	}
	return true
}

func (a *toy) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	call := httpapi.Request{Method: "POST", Path: "/things", Body: r.Body, ContentType: "application/json", Key: r.Key}
	if a.sin == "clears in another form" && strings.Contains(string(r.Body), `"company":""`) {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: "push", Status: 422, Refused: map[string]string{"company": "no such company"}}
	}
	if a.sin == "has no idempotency" {
		call.Key = fmt.Sprint(time.Now())
	}
	if r.ExternalID != "" {
		call.Method, call.Path, call.Key = "PATCH", call.Path+"/"+string(r.ExternalID), ""
	}
	err := a.unmoved(ctx, r)
	if err != nil {
		return adapters.Ack{}, err
	}
	answer, err := a.call(ctx, "push", call)
	if err != nil {
		return adapters.Ack{}, err
	}
	o, err := a.observe(answer.Body)
	if err == nil && a.sin == "acknowledges what was sent" {
		o.Message.(*canonicalv1.Customer).Company = proto.String("as sent")
	}
	return adapters.Ack{Observation: o}, err
}

// unmoved is a conflict where somebody changed what the hub saw.
func (a *toy) unmoved(ctx context.Context, r adapters.Request) error {
	var f, now thing
	if err := json.Unmarshal(r.Body, &f); err != nil || r.ExternalID == "" || len(f.Held) == 0 {
		return err
	}
	answer, err := a.call(ctx, "push", httpapi.Request{Method: "GET", Path: "/things/" + url.PathEscape(string(r.ExternalID))})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, &now); err != nil {
		return &fault.Error{Category: fault.Transient, Op: "push", Message: "it is no thing"}
	}
	for field, text := range f.Held {
		if is := now.Fields[field]; is != text && (is != f.Fields[field] || a.sin == "takes its own write for another's") {
			return &fault.Error{Category: fault.Conflict, Op: "push", Message: "it was changed since it was last seen"}
		}
	}
	return nil
}

func (a *toy) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	answer, err := a.call(ctx, "find", httpapi.Request{Method: "GET", Path: "/things", Query: url.Values{"record_id": {r.RecordID}}})
	if err != nil || string(answer.Body) == "null" {
		return nil, err
	}
	o, err := a.observe(answer.Body)
	return &o, err
}
