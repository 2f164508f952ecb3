package pull_test

import (
	"slices"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// told makes a vendor one that sends webhooks.
type told struct{ adapters.Webhook }

// newToldWorld is one whose shop has sent webhooks; it has been read, and is read again every two hours.
func newToldWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, func(_ *hubtest.Options, p *connection.Pull) { p.Every = 2 * time.Hour })
	w.Applier.Connections["shop"].Adapter.Webhook = told{}
	w.shop.Fill("c", 3)
	w.run()
	w.ahead = 100 * time.Hour // as if webhooks of days could lie behind
	return w
}

// hear stores n webhooks, the newest of which came a time ago, with a time between each two.
func (w *world) hear(origin string, n int, ago, between time.Duration) {
	w.t.Helper()
	newest := w.Applier.Now().Add(-ago)
	if _, err := w.Store.Pool().Exec(w.t.Context(), `insert into receipts (id, connection, event_key, type, body, correlation_id, traceparent, state, origin, received_at)
		select $1 || i, 'shop', $1 || i, 'x', '', '', '', 'done', $1, $2::timestamptz - i * $3::interval from generate_series(0, $4 - 1) as i`,
		origin, newest, between, n); err != nil {
		w.t.Fatal(err)
	}
}

// silence has the shop last pulled a time ago, nothing due, and nothing heard.
func (w *world) silence(pulled time.Duration) {
	w.t.Helper()
	for _, statement := range []string{`delete from receipts where $1::timestamptz is not null`,
		`update pulls set wanted = '', wanted_why = '', next_at = now() + interval '1 hour', pulled_at = $1 where connection = 'shop'`} {
		if _, err := w.Store.Pool().Exec(w.t.Context(), statement, w.Applier.Now().Add(-pulled)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// due asks what is to be pulled, and says whether the shop is, and was wished for.
func (w *world) due() bool {
	w.t.Helper()
	lanes, err := w.Puller.Due(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	wanted := w.state().Wanted
	if is := slices.Contains(lanes, lane); is != (wanted.Mode == store.Changes) || is && wanted.Why == "" {
		w.t.Errorf("due are %v, wished for is %+v", lanes, wanted)
	}
	return wanted.Mode != ""
}

func TestASilenceLongerThanUsualHasChangesPulled(t *testing.T) {
	t.Parallel()
	w := newToldWorld(t)
	const long = 90 * time.Hour
	for name, c := range map[string]struct {
		stated       time.Duration // the configuration's
		every        time.Duration // 0 means two hours
		heard        int           // webhooks
		ago, between time.Duration
		pulled       time.Duration // ago
		byPulls      bool
		want         bool
	}{
		"a webhook a minute, none for 19":                    {heard: 51, between: time.Minute, ago: 19 * time.Minute, pulled: long},
		"a webhook a minute, none for 21":                    {heard: 51, between: time.Minute, ago: 21 * time.Minute, pulled: long, want: true},
		"older ones do not count":                            {heard: 200, between: time.Minute, ago: 21 * time.Minute, pulled: long, want: true},
		"a webhook a second, none for 9 minutes":             {heard: 51, between: time.Second, ago: 9 * time.Minute, pulled: long},
		"a webhook a second, none for 11 minutes":            {heard: 51, between: time.Second, ago: 11 * time.Minute, pulled: long, want: true},
		"a webhook in two hours, none for 23":                {heard: 51, between: 2 * time.Hour, ago: 23 * time.Hour, pulled: long},
		"a webhook in two hours, none for 25":                {heard: 51, between: 2 * time.Hour, ago: 25 * time.Hour, pulled: long, want: true},
		"too little was heard to tell":                       {heard: 50, between: time.Minute, ago: 80 * time.Hour, pulled: long},
		"nothing was ever heard":                             {pulled: long},
		"it was pulled since":                                {heard: 51, between: time.Minute, ago: 40 * time.Hour, pulled: 19 * time.Minute},
		"it was pulled since, long ago":                      {heard: 51, between: time.Minute, ago: 40 * time.Hour, pulled: 21 * time.Minute, want: true},
		"what was pulled was not heard":                      {heard: 51, between: time.Minute, ago: 5 * time.Minute, pulled: long, byPulls: true},
		"stated, and shorter":                                {stated: 30 * time.Minute, heard: 1, ago: 29 * time.Minute, pulled: long},
		"stated, and longer":                                 {stated: 30 * time.Minute, heard: 1, ago: 31 * time.Minute, pulled: long, want: true},
		"stated, shorter than usual":                         {stated: time.Minute, heard: 51, between: time.Hour, ago: 2 * time.Minute, pulled: long, want: true},
		"stated, longer than usual":                          {stated: 10 * time.Hour, heard: 51, between: time.Minute, ago: 9 * time.Hour, pulled: long},
		"stated, and never heard":                            {stated: 30 * time.Minute, pulled: 31 * time.Minute, want: true},
		"stated, never heard, pulled since":                  {stated: 30 * time.Minute, pulled: 29 * time.Minute},
		"pulled soon anyway":                                 {every: 5 * time.Minute, heard: 51, between: time.Minute, ago: 80 * time.Hour, pulled: long},
		"pulled soon anyway, and stated":                     {every: 5 * time.Minute, stated: time.Minute, heard: 51, between: time.Minute, ago: 2 * time.Minute, pulled: 3 * time.Minute, want: true},
		"stated, and heard of what was pulled alone, longer": {stated: 30 * time.Minute, heard: 1, ago: time.Minute, pulled: 31 * time.Minute, byPulls: true, want: true},
	} {
		how := w.Applier.Connections["shop"].Pulls[lane.Kind]
		how.Silence, how.Every = c.stated, 2*time.Hour
		if c.every > 0 {
			how.Every = c.every
		}
		w.Applier.Connections["shop"].Pulls[lane.Kind] = how
		w.silence(c.pulled)
		origin := "webhook"
		if c.byPulls {
			origin = "pull"
		}
		w.hear(origin, c.heard, c.ago, c.between)
		if got := w.due(); got != c.want {
			t.Errorf("%s: wished for %t, want %t", name, got, c.want)
		}
	}
}

// A silence is one wish, however often it is noticed; the next one comes after as long a silence again.
func TestASilenceIsOneWish(t *testing.T) {
	t.Parallel()
	w := newToldWorld(t)
	w.silence(90 * time.Hour)
	w.hear("webhook", 51, time.Hour, time.Minute)
	runs := func() int {
		return w.count(`select count(*) from audit where action = 'pulled' and connection = 'shop' and detail like 'changes%'`)
	}
	for range 3 {
		if !w.due() {
			t.Fatal("no wish")
		}
	}
	if _, err := w.Puller.Step(t.Context(), lane); err != nil || runs() != 1 {
		t.Fatalf("%d runs, %v", runs(), err)
	}
	for _, later := range []time.Duration{0, 10 * time.Minute, 9 * time.Minute} {
		w.ahead += later
		if w.due(); w.state().Wanted.Mode != "" {
			t.Errorf("wished for again %s after a pull", later)
		}
	}
	w.ahead += 2 * time.Minute
	if !w.due() {
		t.Error("silent for as long again, and no wish")
	}
	if w.run(); runs() != 2 {
		t.Errorf("%d runs", runs())
	}
}

func TestASilenceIsLeftToWhatIsUnderWayOrWishedFor(t *testing.T) {
	t.Parallel()
	w := newToldWorld(t)
	for name, statement := range map[string]string{
		"a run is under way": `update pulls set mode = 'changes' where connection = 'shop'`,
		"one is wished for":  `update pulls set wanted = 'changes', wanted_why = 'a doubt' where connection = 'shop'`,
		"all is to be read":  `update pulls set mode = '', wanted = '', backfilled_at = null where connection = 'shop'`,
	} {
		w.silence(90 * time.Hour)
		w.hear("webhook", 51, 2*time.Hour, time.Minute)
		if _, err := w.Store.Pool().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		before := w.state()
		if _, err := w.Puller.Due(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := w.state(); after.Wanted != before.Wanted {
			t.Errorf("%s, and wished for is %+v", name, after.Wanted)
		}
		if _, err := w.Store.Pool().Exec(t.Context(), `update pulls set mode = '', backfilled_at = now() where connection = 'shop'`); err != nil {
			t.Fatal(err)
		}
	}
}
