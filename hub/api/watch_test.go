package api_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// watch opens a feed; it ends with the test.
func (w *world) watch(ctx context.Context, in *hubv1.WatchRequest) hubv1.ChangeService_WatchClient {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // no test may wait for ever
	w.t.Cleanup(cancel)
	stream, err := hubv1.NewChangeServiceClient(w.conn).Watch(ctx, in)
	must(w.t, err)
	return stream
}

// token is one for all that comes from now on.
func (w *world) token() string {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	m, err := w.watch(ctx, &hubv1.WatchRequest{}).Recv()
	must(w.t, err)
	if m.GetHeartbeat() == nil || m.GetToken() == "" {
		w.t.Fatalf("a feed begins with %v, want a heartbeat with a token", m)
	}
	return m.GetToken()
}

// tokenBehind is one for all that comes from now on, where something has changed since another.
func (w *world) tokenBehind(other string) (token string) {
	w.t.Helper()
	w.Until("the feed has moved on", func() bool { token = w.token(); return token != other })
	return token
}

// changes reads the next n changes.
func (w *world) changes(stream hubv1.ChangeService_WatchClient, n int) []*hubv1.Change {
	w.t.Helper()
	var all []*hubv1.Change
	for len(all) < n {
		m, err := stream.Recv()
		must(w.t, err)
		if m.GetChange() != nil {
			all = append(all, m.GetChange())
		}
	}
	return all
}

// why a feed ends.
func ends(stream hubv1.ChangeService_WatchClient) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
}

func TestWatchTellsWhatChanges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Observe("shop", w.shop.Edit("s0", hubtest.Named("Zoe", "zoe@example.com")))
	stream := w.watch(t.Context(), &hubv1.WatchRequest{ResumeToken: w.token()})
	one := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111")))
	other := w.Observe("crm", w.crm.Edit("c2", hubtest.Named("A. L.", "lovelace@example.com"))).RecordID
	w.Merge(one, other)

	got := w.changes(stream, 5)
	if c := got[0]; c.GetKind() != "customer" || c.GetId() != string(one) || c.GetRevision() != 1 || c.GetSource() != "shop" || c.GetCorrelationId() != "test" ||
		!slices.Contains(c.GetPaths(), "email") || c.GetCustomer().GetCustomer().GetEmail() != "ada@example.com" || c.GetCustomer().GetCustomer().Phone != nil {
		t.Errorf("the first revision: %v", c)
	}
	if c := got[1]; c.GetRevision() != 2 || fmt.Sprint(c.GetPaths()) != "[phone]" || c.GetCustomer().GetCustomer().GetPhone() != "+4930111111" ||
		!c.GetTime().AsTime().After(got[0].GetTime().AsTime()) || c.GetCustomer().GetCreateTime().AsTime() != got[0].GetCustomer().GetCreateTime().AsTime() {
		t.Errorf("the second revision: %v", c)
	}
	if c := got[3]; c.GetId() != string(other) || c.GetMergedInto() != string(one) || c.GetRevision() != 2 || c.GetSource() != "ada" {
		t.Errorf("what was merged: %v", c)
	}
	if c := got[4]; c.GetId() != string(one) || c.GetRevision() != 3 || c.GetMergedInto() != "" {
		t.Errorf("what lives on: %v", c)
	}
	now, err := w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(one)})
	must(t, err)
	if c := got[4].GetCustomer(); c.GetEtag() != now.GetEtag() || !c.GetUpdateTime().AsTime().Equal(now.GetUpdateTime().AsTime()) {
		t.Errorf("the feed has %v, the record is %v", c, now)
	}
}

// revise writes a record's next revision, as if a source had changed some attributes.
func (w *world) revise(r *store.Record, source string, paths ...string) {
	w.t.Helper()
	r.Revision++
	r.Message, r.Provenance, r.PolicyVersion, r.Creator = model.For(r.Kind).New(), &storev1.Provenance{}, 1, "shop"
	must(w.t, w.Store.InTx(w.t.Context(), func(tx *store.Tx) error {
		if err := tx.PutRecord(r); err != nil {
			return err
		}
		tx.PutChange(&store.Change{RecordID: r.ID, Revision: r.Revision, Paths: append([]string{}, paths...), Source: source, CorrelationID: "c"})
		return nil
	}))
}

func TestWatchTellsOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token := w.token()
	ada, order := &store.Record{ID: newID(t, model.Customer), Kind: model.Customer}, &store.Record{ID: newID(t, model.Order), Kind: model.Order}
	w.revise(ada, "shop", "email", "phone")
	w.revise(ada, "crm", "email")
	w.revise(ada, "shop", "billing_address.city")
	w.revise(ada, "shop", "note", "custom.tier")
	w.revise(order, "shop", "number")
	ada.DeletedAt = time.Now()
	w.revise(ada, "ops", "phone")
	ada.DeletedAt = time.Time{}
	w.revise(ada, "ops")
	w.revise(ada, "shop", "phone")
	for name, c := range map[string]struct {
		in   *hubv1.WatchRequest
		want string
	}{
		"all":                 {&hubv1.WatchRequest{}, "1 2 3 4 order 1 5 6 7"},
		"a kind":              {&hubv1.WatchRequest{Kinds: []string{"order"}}, "order 1"},
		"sources":             {&hubv1.WatchRequest{Sources: []string{"crm", "ops"}}, "2 5 6"},
		"a source and a kind": {&hubv1.WatchRequest{Kinds: []string{"order"}, Sources: []string{"shop"}, Paths: []string{"number"}}, "order 1"},
		"an attribute":        {&hubv1.WatchRequest{Kinds: []string{"customer"}, Paths: []string{"email"}}, "1 2 5 6"},
		"a group":             {&hubv1.WatchRequest{Kinds: []string{"customer"}, Paths: []string{"billing_address"}}, "3 5 6"},
		"custom attributes":   {&hubv1.WatchRequest{Kinds: []string{"customer"}, Paths: []string{"custom.*", "shipping_address.*"}}, "4 5 6"},
		"one of them":         {&hubv1.WatchRequest{Kinds: []string{"customer"}, Paths: []string{"custom.tier"}, Sources: []string{"shop"}}, "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.in.ResumeToken, c.in.Heartbeat = token, durationpb.New(time.Second)
			stream := w.watch(t.Context(), c.in)
			var got []string
			for beats := 0; beats < 2; { // the second says that there is no more
				m, err := stream.Recv()
				must(t, err)
				switch change := m.GetChange(); {
				case m.GetHeartbeat() != nil:
					beats++
				case change.GetKind() == "order":
					got = append(got, fmt.Sprint("order ", change.GetRevision()))
				default:
					got = append(got, fmt.Sprint(change.GetRevision()))
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("told are %v, want %s", got, c.want)
			}
		})
	}
}

func TestHeartbeatsMoveOn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stream := w.watch(t.Context(), &hubv1.WatchRequest{Kinds: []string{"order"}, Heartbeat: durationpb.New(time.Second)})
	began := time.Now()
	first, err := stream.Recv()
	must(t, err)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	second, err := stream.Recv()
	must(t, err)
	if first.GetHeartbeat() == nil || second.GetHeartbeat() == nil || first.GetToken() == second.GetToken() {
		t.Errorf("the heartbeats are %v and %v, want a token that has moved on", first, second)
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("a heartbeat each second came after %v", took)
	}
	behind := w.watch(t.Context(), &hubv1.WatchRequest{ResumeToken: second.GetToken(), Heartbeat: durationpb.New(time.Second)})
	for range 2 {
		if m, err := behind.Recv(); err != nil || m.GetHeartbeat() == nil {
			t.Errorf("behind the change: %v %v", m, err)
		}
	}
}

func TestTokensThatAreOfNoUse(t *testing.T) {
	t.Parallel()
	w, elsewhere := setup(t), setup(t)
	elsewhere.exec(`update change_log set feed = gen_random_uuid()`) // databases of tests are copies of one
	old := w.token()
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	recent := w.tokenBehind(old)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111")))
	newest := w.tokenBehind(recent)
	refused := func(what string, in *hubv1.WatchRequest, code codes.Code, reason, text string) {
		t.Helper()
		err := ends(w.watch(t.Context(), in))
		if status.Code(err) != code || info(err).GetReason() != reason || !strings.Contains(status.Convert(err).Message(), text) {
			t.Errorf("%s: %v, want %s with %q", what, err, reason, text)
		}
	}
	for what, token := range map[string]string{"no token": "x", "another hub's": elsewhere.token(), "a page's": "eyJrIjoiIn0", "a changed one": old[:10] + old[12:]} {
		refused(what, &hubv1.WatchRequest{ResumeToken: token}, codes.InvalidArgument, "INVALID_RESUME_TOKEN", "snapshot")
	}
	refused("a time that is none", &hubv1.WatchRequest{Heartbeat: durationpb.New(time.Millisecond)}, codes.InvalidArgument, "INVALID_REQUEST", "heartbeat")
	refused("a path that is none", &hubv1.WatchRequest{Paths: []string{"emial"}}, codes.InvalidArgument, "INVALID_REQUEST", "emial")
	refused("a kind that is none", &hubv1.WatchRequest{Kinds: []string{"invoise"}}, codes.InvalidArgument, "INVALID_REQUEST", "kinds")

	if n, err := w.Store.CutChanges(t.Context(), 0, 1, 100); n != 1 || err != nil {
		t.Fatalf("%d changes left: %v", n, err)
	}
	refused("an old one", &hubv1.WatchRequest{ResumeToken: old}, codes.OutOfRange, "TOKEN_OUT_OF_RANGE", "snapshot: true")
	if got := w.changes(w.watch(t.Context(), &hubv1.WatchRequest{ResumeToken: recent}), 1); got[0].GetRevision() != 2 {
		t.Errorf("from where the feed begins now: %v", got)
	}
	w.exec(`select setval('changes_seq_seq', 1)`) // as after a restore
	refused("one of a future that is no more", &hubv1.WatchRequest{ResumeToken: newest}, codes.OutOfRange, "TOKEN_OUT_OF_RANGE", "restored")
}

// A reader that takes nothing stands still by itself: others are told, and it goes on where it stood.
func TestASlowReaderHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	l := newLoad(w, t, 50, 4000)
	slow, fast := w.watch(t.Context(), &hubv1.WatchRequest{}), w.watch(t.Context(), &hubv1.WatchRequest{})
	for _, stream := range []hubv1.ChangeService_WatchClient{slow, fast} {
		_, err := stream.Recv()
		must(t, err)
	}
	l.start()
	l.done.Wait()
	newest := l.newest()
	for _, stream := range []hubv1.ChangeService_WatchClient{fast, slow} {
		f := newFollower(w, t, nil)
		for f.behind(newest) {
			m, err := stream.Recv()
			must(t, err)
			f.take(m)
		}
	}
}

func TestOneThatIsTooSlowIsToldSo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	l := newLoad(w, t, 50, 4000)
	slow := w.watch(t.Context(), &hubv1.WatchRequest{})
	_, err := slow.Recv()
	must(t, err)
	l.start()
	l.done.Wait()
	all, err := w.Store.ChangeLog(t.Context())
	must(t, err)
	for left := 1; left > 0; {
		left, err = w.Store.CutChanges(t.Context(), 0, all.End, 500)
		must(t, err)
	}
	if err := ends(slow); status.Code(err) != codes.OutOfRange || info(err).GetReason() != "TOKEN_OUT_OF_RANGE" {
		t.Errorf("it ends with %v", err)
	}
	f := newFollower(w, t, nil)
	again := w.watch(t.Context(), &hubv1.WatchRequest{Snapshot: true})
	for {
		m, err := again.Recv()
		must(t, err)
		f.take(m)
		if end := m.GetSnapshotEnd(); end != nil {
			if end.GetRecords() != int64(len(l.ids)) {
				t.Errorf("the snapshot has %d records, want %d", end.GetRecords(), len(l.ids))
			}
			break
		}
	}
	if f.behind(l.newest()) {
		t.Error("after the cut, the snapshot lacks a record, or has an old one")
	}
}

func TestCallersWatchWhatTheyMayRead(t *testing.T) {
	t.Parallel()
	w := setupCallers(t) // billing may read customers, shipping writes orders
	order := &store.Record{ID: newID(t, model.Order), Kind: model.Order}
	as := func(key string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key)
	}
	first := func(key string, in *hubv1.WatchRequest) (*hubv1.WatchResponse, error) {
		return w.watch(as(key), in).Recv()
	}
	begin, err := first("new-key", &hubv1.WatchRequest{})
	must(t, err)
	w.revise(order, "shop", "number")
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	for key, kind := range map[string]string{"new-key": "customer", "shipping-key": "order"} {
		if got := w.changes(w.watch(as(key), &hubv1.WatchRequest{ResumeToken: begin.GetToken()}), 1); got[0].GetKind() != kind {
			t.Errorf("%s is told %v first", key, got)
		}
		if got, err := first(key, &hubv1.WatchRequest{Snapshot: true}); err != nil || got.GetSnapshot().GetKind() != kind {
			t.Errorf("the snapshot for %s: %v %v", key, got, err)
		}
	}
	if _, err := first("new-key", &hubv1.WatchRequest{Kinds: []string{"customer", "order"}}); status.Code(err) != codes.PermissionDenied || info(err).GetReason() != "NOT_ALLOWED" {
		t.Errorf("a kind that billing may not read: %v", err)
	}
	if _, err := w.watch(t.Context(), &hubv1.WatchRequest{}).Recv(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("nobody: %v", err)
	}
	if a := w.get("/v1/changes:watch"); a.code != 401 || a.header.Get("WWW-Authenticate") != "Bearer" || !strings.Contains(a.text, `"error"`) {
		t.Errorf("nobody over REST: %d %s", a.code, a.text)
	}
}

func TestACallersFeedsAreCounted(t *testing.T) {
	t.Parallel()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	callers := []api.Caller{{Name: "billing", MayWrite: map[model.Kind]bool{model.Customer: false}}, {Name: "shipping", MayWrite: map[model.Kind]bool{model.Order: false}}}
	for i := range callers {
		callers[i].KeySHA256 = [][32]byte{sha256.Sum256([]byte(callers[i].Name))}
	}
	w.open(api.Options{Store: w.Store, Applier: w.Applier, Callers: callers})
	open := func(name string) (func(), error) {
		ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+name))
		_, err := w.watch(ctx, &hubv1.WatchRequest{}).Recv()
		return cancel, err
	}
	end, err := open("billing")
	for range 15 {
		must(t, err)
		_, err = open("billing")
	}
	must(t, err)
	_, err = open("billing")
	if status.Code(err) != codes.ResourceExhausted || info(err).GetReason() != "TOO_MANY_STREAMS" || detail[*errdetails.RetryInfo](err).GetRetryDelay().AsDuration() <= 0 {
		t.Errorf("the seventeenth: %v", err)
	}
	if _, err := open("shipping"); err != nil {
		t.Errorf("another caller's: %v", err)
	}
	end()
	w.Until("one may follow again", func() bool { _, err := open("billing"); return err == nil })
}

// What the record held was erased: its changes are told without it.
func TestWhatWasErasedIsToldWithoutItsContents(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token := w.token()
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	_, err := w.customers.EraseCustomer(t.Context(), &hubv1.EraseCustomerRequest{Id: string(id)})
	must(t, err)
	for i, c := range w.changes(w.watch(t.Context(), &hubv1.WatchRequest{ResumeToken: token, Paths: []string{"phone"}}), 2) {
		if !c.GetErased() || c.GetRecord() != nil || c.GetRevision() != int64(i+1) {
			t.Errorf("told is %v", c)
		}
	}
	if m, err := w.watch(t.Context(), &hubv1.WatchRequest{Snapshot: true}).Recv(); err != nil || !m.GetSnapshot().GetErased() {
		t.Errorf("the snapshot: %v %v", m, err)
	}
	list, err := w.customers.ListCustomerRevisions(t.Context(), &hubv1.ListCustomerRevisionsRequest{Id: string(id)})
	if err != nil || len(list.GetRevisions()) != 2 || !list.GetRevisions()[0].GetErased() || list.GetRevisions()[0].GetRecord() != nil {
		t.Errorf("its history: %v %v", list, err)
	}
	_, err = w.customers.GetCustomer(t.Context(), &hubv1.GetCustomerRequest{Id: string(id), Revision: 1})
	if status.Code(err) != codes.OutOfRange || info(err).GetReason() != "REVISION_GONE" {
		t.Errorf("its first revision: %v", err)
	}
}
