package connection

import (
	"cmp"
	"time"
)

// Pull is how one kind is read from a connection.
type Pull struct {
	// Every is the time between two pulls of changes, Reconcile that between two comparisons.
	Every, Reconcile time.Duration
	// Overlap is how much further back than needed a pull of changes begins. It has two parts, for two delays that add up:
	// what is configured is for clocks that differ, the adapter's lag for changes that show later than their time.
	Overlap time.Duration
	// Silence is how long no webhook may come; 0 means that it is learned.
	Silence  time.Duration
	PageSize int
	// Vanished is what becomes of objects that the vendor has no more, MaxVanished the share of those known that may
	// vanish at once; one always may.
	Vanished    Finding
	MaxVanished float64
	// Share is the part of the connection's calls a second that pulls of this kind may use.
	Share float64
	// Differences is what becomes of what differs.
	Differences Finding
}

// Finding is what a reconcile does with what it finds.
type Finding string

// What it does.
const (
	Report Finding = "report"
	Repair Finding = "repair"
	Delete Finding = "delete"
)

// largestPage bounds the pages of connections that say nothing: one page is one transaction.
const largestPage = 200

// OnRequest is how a kind is pulled that the configuration does not name, when somebody asks for it.
func OnRequest(carriage Carriage) Pull { return Pull{}.orDefaults(carriage) }

func (p Pull) orDefaults(carriage Carriage) Pull {
	p.Every = cmp.Or(p.Every, 5*time.Minute)
	p.Reconcile = cmp.Or(p.Reconcile, 24*time.Hour)
	p.Overlap = cmp.Or(p.Overlap, 2*time.Minute) + carriage.Pull.Lag
	p.PageSize = min(cmp.Or(p.PageSize, largestPage), max(carriage.Pull.MaxPage, 1))
	p.MaxVanished = cmp.Or(p.MaxVanished, 0.02)
	p.Share = cmp.Or(p.Share, 0.5)
	p.Differences = cmp.Or(p.Differences, Repair)
	if p.Vanished == "" {
		p.Vanished = Delete
		if carriage.TellsDeletes {
			p.Vanished = Report
		}
	}
	return p
}
