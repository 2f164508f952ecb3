package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

const (
	stormCustomers = 1000
	stormEvents    = 10 // for each customer
	stormRepeats   = 3
	stormSenders   = 32
)

// 10,000 distinct webhooks, each sent three times from 32 connections in random order: 10,000 receipts, one contact for
// each customer, and the final state as the newest event says.
func TestDuplicateStorm(t *testing.T) {
	w := newTown(t)
	w.start()
	var bodies [][]byte
	began := time.Now().Add(-time.Hour).Unix()
	for c := range stormCustomers {
		for e := range stormEvents {
			bodies = append(bodies, stormEvent(t, c, e, began))
		}
	}
	var sends [][]byte
	for range stormRepeats {
		sends = append(sends, bodies...)
	}
	rand.Shuffle(len(sends), func(i, j int) { sends[i], sends[j] = sends[j], sends[i] })
	w.send(sends)
	w.settled()

	db, err := pgx.Connect(context.Background(), w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	var receipts, records int
	err = db.QueryRow(context.Background(), `select (select count(*) from receipts where connection = 'stripe'), (select count(*) from records)`).Scan(&receipts, &records)
	if err != nil || receipts != len(bodies) || records != stormCustomers {
		t.Errorf("%d receipts, %d records (%v); want %d and %d", receipts, records, err, len(bodies), stormCustomers)
	}
	seen := map[string]int{}
	for _, c := range w.hubspot.Contacts() {
		seen[c.Properties["email"]]++
		if want := fmt.Sprintf("Version %d", stormEvents-1); c.Properties["firstname"]+" "+c.Properties["lastname"] != want {
			t.Errorf("%s is %s %s, want %s", c.Properties["email"], c.Properties["firstname"], c.Properties["lastname"], want)
		}
	}
	for c := range stormCustomers {
		if n := seen[stormEmail(c)]; n != 1 {
			t.Errorf("HubSpot has %d contacts with %s, want 1", n, stormEmail(c))
		}
	}
}

func stormEmail(customer int) string { return fmt.Sprintf("storm%d@example.com", customer) }

// stormEvent is Stripe's event of one customer's version.
func stormEvent(t *testing.T, customer, version int, began int64) []byte {
	t.Helper()
	kind := "customer.updated"
	if version == 0 {
		kind = "customer.created"
	}
	body, err := json.Marshal(map[string]any{
		"id": fmt.Sprintf("evt_%d_%d", customer, version), "object": "event", "type": kind, "created": began + int64(version),
		"api_version": "2026-03-25.dahlia", "livemode": false, "pending_webhooks": 1,
		"data": map[string]any{"object": map[string]any{
			"id": fmt.Sprintf("cus_storm%d", customer), "object": "customer", "created": began,
			"email": stormEmail(customer), "name": fmt.Sprintf("Version %d", version), "metadata": map[string]any{},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// send posts webhooks from many connections; each must be acknowledged.
func (w *town) send(bodies [][]byte) {
	w.t.Helper()
	queue := make(chan []byte)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: stormSenders}}
	var senders sync.WaitGroup
	for range stormSenders {
		senders.Go(func() {
			for body := range queue {
				if err := w.post(client, body); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	begin := time.Now()
	for _, body := range bodies {
		queue <- body
	}
	close(queue)
	senders.Wait()
	w.t.Logf("%d webhooks acknowledged in %s (%.0f/s)", len(bodies), time.Since(begin).Round(time.Millisecond), float64(len(bodies))/time.Since(begin).Seconds())
}

func (w *town) post(client *http.Client, body []byte) error {
	req, err := http.NewRequest(http.MethodPost, "http://"+w.httpAddr+"/webhooks/stripe", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Stripe-Signature", signature.SignStripe(body, adapters.NewSecret(stripeSecret), time.Now()))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("a webhook got %s", resp.Status)
	}
	return nil
}
