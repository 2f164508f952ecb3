package apply_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// written lets billing create and be heard after the shop.
func written(p *configv1KindPolicy) {
	p.Create = append(p.Create, "billing")
	p.Attributes["*"] = rule("shop", "billing", "crm")
}

// say makes a write of billing's.
func say(id store.RecordID, email, phone string) apply.Write {
	in := apply.Write{Cause: apply.Cause{Source: "billing", CorrelationID: "c"}, Kind: model.Customer, RecordID: id, Message: &canonicalv1.Customer{}}
	m := in.Message.(*canonicalv1.Customer)
	if email != "" {
		m.Email, in.Paths = proto.String(email), append(in.Paths, "email")
	}
	if phone != "" {
		m.Phone, in.Paths = proto.String(phone), append(in.Paths, "phone")
	}
	return in
}

func reasonOf(err error) apply.WriteReason {
	var why *apply.WriteError
	if errors.As(err, &why) {
		return why.Reason
	}
	return ""
}

// Of several who create one party at once, one does, and the others are told of its record.
func TestConcurrentCreatesOfOnePartyMakeOneRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	for round := range 10 {
		email := fmt.Sprintf("ada%d@example.com", round)
		var (
			made [4]apply.Written
			errs [4]error
			all  sync.WaitGroup
		)
		for i := range made {
			all.Go(func() { made[i], errs[i] = w.Applier.Write(context.Background(), say("", email, "")) })
		}
		all.Wait()
		created := 0
		for i := range made {
			switch {
			case errs[i] == nil:
				created++
			case reasonOf(errs[i]) != apply.Exists:
				t.Errorf("%v", errs[i])
			}
		}
		if created != 1 {
			t.Fatalf("%d records with %s", created, email)
		}
	}
}

// A request that is sent several times at once counts once, and all are answered the same.
func TestConcurrentRepeatsOfARequestCountOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	for round := range 10 {
		in := say(id, "", fmt.Sprintf("+49%d", round))
		in.RequestID, in.Fingerprint = fmt.Sprint("request ", round), []byte{byte(round)}
		var (
			made [4]apply.Written
			errs [4]error
			all  sync.WaitGroup
		)
		for i := range made {
			all.Go(func() { made[i], errs[i] = w.Applier.Write(context.Background(), in) })
		}
		all.Wait()
		for i := range made {
			if errs[i] != nil || made[i].Revision != store.Revision(round+2) || len(made[i].Outcomes) != 1 {
				t.Fatalf("round %d: %+v %v", round, made[i], errs[i])
			}
		}
	}
}

// A request that failed is not remembered: it may succeed when it is sent again.
func TestAFailedRequestIsNotRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	in := say(store.RecordID("customer_01h455vb4pex5vsknk084sn02q"), "", "+491")
	in.RequestID, in.Fingerprint = "r", []byte("f")
	if _, err := w.Applier.Write(context.Background(), in); reasonOf(err) != apply.NoRecord {
		t.Fatal(err)
	}
	in.RecordID = w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	if _, err := w.Applier.Write(context.Background(), in); err != nil {
		t.Error(err)
	}
}

// A word that the record has already makes no revision; and what is said through a merged id is said of the survivor.
func TestWritesOfWhatIsSoAndThroughMergedIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	ctx := context.Background()
	older := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	younger := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("A. L.", "lovelace@example.com"))).RecordID
	w.Merge(older, younger)
	first, err := w.Applier.Write(ctx, say(younger, "", "+491"))
	if err != nil || first.RecordID != older || w.customer(older).GetPhone() != "+491" {
		t.Fatalf("%+v %v", first, err)
	}
	if again, err := w.Applier.Write(ctx, say(younger, "", "+491")); err != nil || again.Revision != first.Revision {
		t.Errorf("%+v %v, want revision %d still", again, err, first.Revision)
	}
}

func TestAWriteNamesOnlyWhatThereIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	ctx := context.Background()
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	wrong := say(id, "", "+491")
	wrong.Paths = append(wrong.Paths, "emial")
	stranger := say("", "new@example.com", "")
	stranger.Source = "nobody"
	future := say(id, "", "+491")
	future.Etag = store.Etag(id, 99)
	order := say(id, "", "")
	order.Kind = model.Order
	for reason, in := range map[apply.WriteReason]apply.Write{apply.NoPath: wrong, apply.NotCreated: stranger, apply.Outdated: future, apply.NoPolicy: order} {
		if _, err := w.Applier.Write(ctx, in); reasonOf(err) != reason {
			t.Errorf("%v, want %s", err, reason)
		}
	}
	if r := w.Bundle(id).Record; r.Revision != 1 {
		t.Errorf("the record has revision %d", r.Revision)
	}
}
