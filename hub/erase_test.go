package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// A customer is erased over gRPC and another over REST, the hub is killed at once, and the vendors go on telling of both.
func TestEraseOutlivesAKillAndLaterWebhooks(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.start()
	for n, name := range []string{"Augusta King", "Ada Byron", "Carl Gauss"} {
		form := url.Values{"name": {name}, "email": {fmt.Sprintf("person%d@analytical.example", n)}, "phone": {fmt.Sprintf("+4930123450%d", n)}}
		if err := w.callStripe("/v1/customers", form); err != nil {
			t.Fatal(err)
		}
	}
	w.settled()
	db, err := store.Open(t.Context(), w.database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before := hubtest.DumpOf(t, db)

	conn, err := grpc.NewClient(w.grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for n := range 2 {
		id := w.idOf(fmt.Sprintf("person%d@analytical.example", n))
		if n == 0 {
			_, err = hubv1.NewCustomerServiceClient(conn).EraseCustomer(t.Context(), &hubv1.EraseCustomerRequest{Id: id, Why: "asked for"})
		} else {
			err = w.postREST("/v1/customers/"+id+":erase", `{"why": "asked for"}`)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.kill()
	w.start()
	w.erased(db)
	w.nothing(db, "after the kill")

	for _, c := range w.stripe.Customers() {
		if err := w.callStripe("/v1/customers/"+fmt.Sprint(c["id"]), url.Values{"description": {"tells of " + fmt.Sprint(c["name"])}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range w.hubspot.Contacts() {
		if err := w.hubspot.Edit(c.ID, map[string]string{"phone": "+49309" + c.ID}); err != nil {
			t.Fatal(err)
		}
	}
	w.settled()
	w.nothing(db, "after later webhooks")
	if after := hubtest.DumpOf(t, db); len(after.Find("Carl Gauss")) == 0 || len(before.Find("Augusta King")) == 0 {
		t.Error("Carl is gone, too, or nobody was ever there")
	}
	if n := len(w.hubspot.Contacts()); n != 3 {
		t.Errorf("HubSpot has %d contacts, want its own objects left as they are", n)
	}
}

// nothing sees to it that the database holds nothing of the erased persons.
func (w *town) nothing(db *store.Store, when string) {
	w.t.Helper()
	dump := hubtest.DumpOf(w.t, db)
	secrets := []string{"Augusta King", "Ada Byron", "person0@", "person1@", "+49301234500", "+49301234501"}
	for _, c := range w.stripe.Customers() {
		if strings.Contains("Augusta King, Ada Byron", fmt.Sprint(c["name"])) {
			secrets = append(secrets, fmt.Sprint(c["id"]))
		}
	}
	for _, secret := range secrets {
		if found := dump.Find(secret); len(found) > 0 {
			w.t.Errorf("%s, %q is in %v", when, secret, found)
		}
	}
}

// erased waits until all that was to be erased is.
func (w *town) erased(db *store.Store) {
	w.t.Helper()
	w.until("nothing is left", func() error {
		var left int
		if err := db.Pool().QueryRow(context.Background(), `select count(*) from river_job where kind = 'erase' and state <> 'completed'`).Scan(&left); err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("%d erasures are under way", left)
		}
		return nil
	})
}

// idOf is the record with an e-mail address, by REST.
func (w *town) idOf(email string) string {
	w.t.Helper()
	resp, err := http.Get("http://" + w.httpAddr + "/v1/customers?filter=" + url.QueryEscape(fmt.Sprintf("email = %q", email)))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	id := regexp.MustCompile(`customer_[0-7][0-9a-z]{25}`).Find(body)
	if id == nil {
		w.t.Fatalf("no record has %s: %s", email, body)
	}
	return string(id)
}

func (w *town) postREST(path, body string) error {
	resp, err := http.Post("http://"+w.httpAddr+path, "application/json", bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}
