package adapters

import "time"

// Limits is what a vendor allows an account. 0 means that it does not say.
type Limits struct {
	// PerSecond is calls a second, on average.
	PerSecond float64
	// Concurrency is calls at the same time.
	Concurrency int
	// PerDay is calls a day.
	PerDay int
	// PagesPerMinute is how many pages of pulls, of all kinds together, where fewer of those calls are allowed than of others.
	// A page's first call counts. One may come at once after a pause, so that a vendor that counts by the second is given less
	// than its limit.
	PagesPerMinute int
}

// Hint is what an answer told of one of the vendor's limits. A bucket that refills steadily and a count that begins anew
// with each window look the same in it: Size in a Window.
type Hint struct {
	// Limit names it, for metrics: "minute", "day", "bucket".
	Limit string
	// Size is how much there is when nothing is used; 0 where not told.
	Size float64
	// Remaining is what is left of it.
	Remaining float64
	// Window is how long it takes from nothing to Size; 0 where not told.
	Window time.Duration
	// Reset is how long until there is more, of a count that begins anew; 0 where not told, or where it refills steadily.
	Reset time.Duration
}
