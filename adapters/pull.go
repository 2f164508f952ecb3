package adapters

import "time"

// Query asks for one page of a pull. All queries of a pull are the same but for Cursor and Size.
//
// The hub asks with a page's Next only after everything on that page and on those before it is committed: the cursor is
// also the receipt. It may ask with the same cursor again at any time, as after a crash.
type Query struct {
	Kind Kind
	// Cursor is where to go on: Page.Next of the page before; empty for the first page.
	Cursor string
	// Since limits the pull to what changed at that time or later, by the vendor's clock; zero means everything.
	Since time.Time
	// Size is how many objects are wanted; the adapter brings it within what the vendor allows.
	Size int
}

// Page is one page of a pull.
//
// An object that is there from the pull's beginning to its end is on at least one page, whatever others are inserted,
// changed or deleted meanwhile and however many share one time stamp; it may be on several. Where nothing changes, a pull
// comes to its end. Offsets cannot promise that: where a vendor pages by them, the adapter pages by the last time stamp
// and id that it saw, and keeps both in the cursor (package cursor).
//
// A failure of category Gone says that the vendor does not know the cursor any more, or remembers no changes back to
// Since: the hub begins anew, with everything.
type Page struct {
	Observations []Observation
	// Fetch are objects of which the page tells the ids alone.
	Fetch []Object
	// Rejected are entries that could not be read.
	Rejected []Rejected
	// Next is where to go on. Where More is false it is where the next pull of changes begins, for vendors that keep
	// cursors of their own; empty where that is Watermark.
	Next string
	// More says that the pull has not reached its end. A page may be empty and have more behind it.
	More bool
	// Watermark is Since for the next pull of changes; it counts on the last page, where More is false.
	Watermark time.Time
	// Total is about how many objects the whole pull has, where the vendor says it with its pages; else 0.
	Total int
}

// Listing is one page of ids.
type Listing struct {
	Entries []Entry
	Next    string
	More    bool
}

// Entry is one object that is there, with the same At and Version as an observation of it would have.
type Entry struct {
	ExternalID ExternalID
	At         time.Time
	Version    int64
}
