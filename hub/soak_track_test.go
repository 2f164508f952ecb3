package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// track follows edits of names from Stripe to one other vendor. An edit has arrived once a name from then or later has.
type track struct {
	mu      sync.Mutex
	edits   map[int]edit
	waiting map[string][]edit // by the customer's address, in order
	took    []time.Duration
}

type edit struct {
	customer string
	n        int
	at       time.Time
}

// newTracks follow edits to each vendor that gets them.
func newTracks() map[string]*track {
	tracks := map[string]*track{}
	for _, vendor := range []string{"crm", "desk", "shop", "sales", "books"} {
		tracks[vendor] = &track{edits: map[int]edit{}, waiting: map[string][]edit{}}
	}
	return tracks
}

// made notes an edit.
func (b *bath) made(customer string, n int) {
	e := edit{customer, n, time.Now()}
	for _, k := range b.tracks {
		k.mu.Lock()
		k.edits[n] = e
		k.waiting[customer] = append(k.waiting[customer], e)
		k.mu.Unlock()
	}
}

// names are as vendors want them: whole, or the last name alone.
var names = regexp.MustCompile(`(?i)"(?:last_?)?name":\s*"(?:Edit )?([0-9]+)"`)

// arrived reads what is sent to the vendor.
func (k *track) arrived(body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for _, found := range names.FindAllSubmatch(body, -1) { // some take many objects at once
		n, _ := strconv.Atoi(string(found[1]))
		seen := k.edits[n]
		left := k.waiting[seen.customer]
		for len(left) > 0 && left[0].n <= seen.n {
			k.took, left = append(k.took, now.Sub(left[0].at)), left[1:]
		}
		k.waiting[seen.customer] = left
		if len(left) == 0 {
			delete(k.waiting, seen.customer)
		}
	}
}

// take returns how long edits took since the last call, once all have arrived at all vendors but one.
func (b *bath) take(except string) (took []time.Duration) {
	b.t.Helper()
	for vendor, k := range b.tracks {
		if vendor == except {
			continue
		}
		b.until("every edit is at "+vendor, func() error {
			k.mu.Lock()
			defer k.mu.Unlock()
			if n := len(k.waiting); n > 0 {
				return fmt.Errorf("those of %d customers are not", n)
			}
			return nil
		})
		k.mu.Lock()
		took = append(took, k.took...)
		k.took = nil
		k.mu.Unlock()
	}
	return took
}

// forget leaves alone what a vendor has not got yet.
func (k *track) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.took = nil
	clear(k.waiting)
}

// slowest is the 99th percentile.
func slowest(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[(len(all)*99+99)/100-1]
}
