package around_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
)

func TestUsesGoToTheAdapterInPlace(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := around.NewSwitch(all(vendor{}))
	a := around.Adapter(s.Adapter(), around.Wrapping{})
	everything := func() []error {
		_, verifying := a.Webhook.Verify(adapters.Delivery{})
		_, splitting := a.Webhook.Split(adapters.Delivery{})
		_, preparing := a.Pusher.Prepare(adapters.Patch{})
		a.Handshaker.Handshake(adapters.Delivery{})
		a.Acknowledger.Acknowledge(adapters.Delivery{})
		return append(use(a), verifying, splitting, preparing)
	}
	for i, err := range everything() {
		if err != nil {
			t.Errorf("ability %d: %v", i, err)
		}
	}
	if err := s.To(all(vendor{broken})); err != nil {
		t.Fatal(err)
	}
	for i, err := range everything() {
		if !errors.Is(err, broken) {
			t.Errorf("ability %d is still the first adapter's: %v", i, err)
		}
	}
	if a.MappingVersion != 7 || a.Account != "acct_1" {
		t.Errorf("the rest is %d, %q", a.MappingVersion, a.Account)
	}
}

// slow is a vendor whose probe waits.
type slow struct {
	vendor
	began, goOn chan struct{}
}

func (s slow) Probe(context.Context) error {
	close(s.began)
	<-s.goOn
	return s.err
}

func TestAUseThatHasBegunEndsWithItsAdapter(t *testing.T) {
	t.Parallel()
	first := slow{vendor{errors.New("the first")}, make(chan struct{}), make(chan struct{})}
	a := all(first.vendor)
	a.Prober = first
	s := around.NewSwitch(a)
	var ended sync.WaitGroup
	var got error
	ended.Go(func() { got = s.Adapter().Prober.Probe(t.Context()) })
	<-first.began
	if err := s.To(all(vendor{})); err != nil {
		t.Fatal(err)
	}
	if err := s.Adapter().Prober.Probe(t.Context()); err != nil {
		t.Errorf("a new use: %v", err)
	}
	close(first.goOn)
	ended.Wait()
	if !errors.Is(got, first.err) {
		t.Errorf("the use that had begun: %v", got)
	}
}

func TestAnAdapterThatIsAnotherDoesNotTakeThePlace(t *testing.T) {
	t.Parallel()
	lacks := reflect.TypeFor[adapters.Adapter]()
	for i := range lacks.NumField() {
		field := lacks.Field(i)
		if field.Name == "Translator" { // which all have
			continue
		}
		other := all(vendor{})
		reflect.ValueOf(other).Elem().Field(i).SetZero()
		if err := around.NewSwitch(all(vendor{})).To(other); err == nil {
			t.Errorf("one without %s takes the place of one with it", field.Name)
		}
		if err := around.NewSwitch(other).To(all(vendor{})); err == nil {
			t.Errorf("one with %s takes the place of one without", field.Name)
		}
		if out := reflect.ValueOf(*around.NewSwitch(other).Adapter()).Field(i); !out.IsZero() {
			t.Errorf("%s is made up", field.Name)
		}
	}
}
