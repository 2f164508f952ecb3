package main

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"
)

// track follows edits of names from Stripe to Zendesk. An edit has arrived once a name from then or later has.
type track struct {
	mu      sync.Mutex
	edits   map[string]edit   // by the name
	waiting map[string][]edit // by the customer's address, in order
	took    []time.Duration
}

type edit struct {
	customer string
	n        int
	at       time.Time
}

func (k *track) made(customer, name string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := edit{customer, n, time.Now()}
	k.edits[name] = e
	k.waiting[customer] = append(k.waiting[customer], e)
}

var names = regexp.MustCompile(`Edit [0-9]+`)

// arrived reads what is sent to Zendesk.
func (k *track) arrived(body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, seen := time.Now(), k.edits[names.FindString(string(body))]
	left := k.waiting[seen.customer]
	for len(left) > 0 && left[0].n <= seen.n {
		k.took, left = append(k.took, now.Sub(left[0].at)), left[1:]
	}
	k.waiting[seen.customer] = left
	if len(left) == 0 {
		delete(k.waiting, seen.customer)
	}
}

// take returns how long edits took since the last call, once all have arrived.
func (b *bath) take() []time.Duration {
	b.t.Helper()
	b.until("every edit is at Zendesk", func() error {
		b.track.mu.Lock()
		defer b.track.mu.Unlock()
		if n := len(b.track.waiting); n > 0 {
			return fmt.Errorf("those of %d customers are not", n)
		}
		return nil
	})
	b.track.mu.Lock()
	defer b.track.mu.Unlock()
	took := b.track.took
	b.track.took = nil
	return took
}

// slowest is the 99th percentile.
func slowest(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[(len(all)*99+99)/100-1]
}
