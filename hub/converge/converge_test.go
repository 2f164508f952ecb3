package converge_test

import (
	"flag"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

var (
	runs       = flag.Int("runs", 2000, "histories that TestConvergence lives through")
	mutantRuns = flag.Int("mutant-runs", 600, "histories in which TestConvergenceFindsMutants expects each mutant to be found")
)

// TestConvergence lives through random histories and lets each come to rest.
func TestConvergence(t *testing.T) {
	const lanes = 2
	set(t, "rapid.checks", fmt.Sprint(*runs/lanes))
	set(t, "rapid.steps", "20")
	if flag.Lookup("rapid.seed").Value.String() == "0" {
		set(t, "rapid.seed", "1") // the same histories each time
	}
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				for range lane { // another history than the other lanes
					rapid.Uint64().Draw(t, "lane")
				}
				live(t)
			})
		})
	}
}

// live is one history.
func live(t *rapid.T) {
	w := newWorld(t)
	defer w.close()
	t.Repeat(map[string]func(*rapid.T){"next": w.act})
	w.t = t
	w.rest()
	w.laws()
	w.echoes()
	w.laws()
}

func set(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}
