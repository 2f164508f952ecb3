package pull_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// pulled is how many objects TestPullsHoldLittle reads.
var pulled = flag.Int("pulled", 2000, "how many objects TestPullsHoldLittle reads")

// alone marks the process of its own that reads them.
const alone = "CANONHUB_TEST_PULLS_ALONE"

const (
	// mayNeed is how many MiB the process may need: 46 were seen, however many objects there were.
	mayNeed = 80
	// mayGrow is how many bytes more may be held at the end than after a quarter of the backfill: none were seen.
	mayGrow = 128 << 10
)

// TestPullsHoldLittle reads very many objects in a backfill, and compares them in a reconcile, in a process of its own, and
// looks at what that needed.
func TestPullsHoldLittle(t *testing.T) {
	if os.Getenv(alone) != "" {
		readMany(t, *pulled)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestPullsHoldLittle$", "-test.v", "-test.timeout=0", "-pulled="+strconv.Itoa(*pulled))
	cmd.Env = append(os.Environ(), alone+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	if rss > mayNeed {
		t.Errorf("the pulls needed %d MiB, want %d at most", rss, mayNeed)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "objects") || strings.Contains(line, "heap:") {
			t.Log(strings.TrimSpace(line))
		}
	}
	t.Logf("%d MiB at most", rss)
}

// readMany reads n objects, and then all but one of them again.
func readMany(t *testing.T, n int) {
	w := newWorld(t, func(_ *hubtest.Options, p *connection.Pull) { p.PageSize = 100 })
	many := &generated{n: n, without: -1}
	adapter := w.Applier.Connections["shop"].Adapter
	adapter.Puller, adapter.Fetcher = many, nil
	began := time.Now()
	for range n / 400 { // a quarter
		if _, err := w.Puller.Step(t.Context(), lane); err != nil {
			t.Fatal(err)
		}
	}
	held := inUse()
	p := w.run()
	if p.Run.Objects != int64(n) || w.linked() != n || p.BackfilledAt.IsZero() || p.Run.Total != int64(n) {
		t.Fatalf("%d linked; %+v", w.linked(), p.Run)
	}
	t.Logf("backfill: %d objects in %s, %.0f a second", n, time.Since(began).Round(time.Millisecond), float64(n)/time.Since(began).Seconds())
	many.without = n / 2
	if err := w.Puller.Wish(t.Context(), lane, store.PullWish{Mode: store.Reconcile}); err != nil {
		t.Fatal(err)
	}
	w.ahead += time.Second
	began = time.Now()
	if p = w.run(); p.Run.Objects != int64(n-1) || p.Run.MissingThere != 1 || p.Run.Differing != 0 || w.linked() != n-1 {
		t.Fatalf("%d linked; %+v", w.linked(), p.Run)
	}
	if grown := inUse() - held; grown > mayGrow {
		t.Errorf("%d KiB more are held than after a quarter of the backfill, want %d at most: something is kept of each object", grown>>10, mayGrow>>10)
	}
	t.Logf("heap: %d KiB after a quarter of the backfill, %d KiB at the end", held>>10, inUse()>>10)
	t.Logf("reconcile: %d objects in %s, %.0f a second", n, time.Since(began).Round(time.Millisecond), float64(n)/time.Since(began).Seconds())
}

// inUse is how much is held once all garbage is gone.
func inUse() int64 {
	var m runtime.MemStats
	for range 2 { // what pools keep goes in the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// generated is a vendor with so many objects that it keeps none.
type generated struct{ n, without int }

// Pull makes a page.
func (g *generated) Pull(_ context.Context, q adapters.Query) (adapters.Page, error) {
	from := 0
	if q.Cursor != "" {
		var err error
		if from, err = strconv.Atoi(q.Cursor); err != nil {
			return adapters.Page{}, err
		}
	}
	to := min(from+q.Size, g.n)
	page := adapters.Page{Total: g.n, More: to < g.n}
	if page.More {
		page.Next = strconv.Itoa(to)
	}
	for i := from; i < to; i++ {
		if i == g.without {
			continue
		}
		c := &customer{}
		hubtest.Named(fmt.Sprintf("Ada %d", i), fmt.Sprintf("ada%d@example.com", i))(c)
		c.Phone = proto.String(fmt.Sprintf("+49301%07d", i))
		raw, err := json.Marshal(map[string]any{"id": i, "name": c.GetName().GetFull(), "email": c.GetEmail(), "phone": c.GetPhone(), "note": strings.Repeat("x", 1000)})
		if err != nil {
			return adapters.Page{}, err
		}
		page.Observations = append(page.Observations, adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: hubtest.ID("m", i)},
			Message: c, At: time.Date(2026, 1, 1, 0, 0, i/100, 0, time.UTC), Raw: raw})
	}
	return page, nil
}
