// Package filedrop carries all kinds to and from systems that know nothing but files: exports in CSV or XML that somebody
// drops in a folder or posts, and CSV files for them to read.
//
// # The folder is the vendor
//
//	in/        what the system drops. It is read in the order of the names.
//	done/      what was taken in: the archive, which a backfill reads again, and the index of what is not taken in twice.
//	rejected/  what cannot be read.
//	out/       what the hub writes.
//
// All four must be there. None is made, since a folder without them may be a mount that is missing, and what was written
// there would be lost. A file leaves in/ when the hub asks for what comes behind it, so when all of it is committed: a
// process that dies reads a page again, and none is skipped. A file's name in done/ begins with its time and the hash of
// its content; there is no other index that could disagree with what is there.
//
// # What is read
//
// Each attribute is an expression in CEL over the row, checked against the attribute's type when the configuration is
// loaded. A row that cannot be read becomes a dead letter: a file of its own with the header and the bytes as they stand,
// so that it can be redriven once the encoding, say, is mended.
//
// # Vanished rows
//
// A row that is missing in a whole export can mean that its object is gone, or that the export is not whole. Nothing is
// made of it unless the connection says so. It is then found out here, against the ids of the export before, and not by the
// hub's reconcile, which would take for gone what was posted or created since the export was made. A file in which more is
// missing than may vanish at once is not taken in at all. Neither is anything deleted where a row of the file cannot be
// read: it may be the missing one.
//
// # Rejected
//
// Apostrophes before values that a spreadsheet would take for a formula: who reads out/ is a program, and a telephone number
// begins with a plus. encoding/csv, whose offsets are not the file's (see package rows). A state file beside the folders: two truths. Sequence
// numbers in out/: they need a lock, and files are ordered by the time in their names.
package filedrop

import (
	"time"

	"github.com/canonhub/canonhub/adapters"
)

const (
	// mappingVersion is raised with every change in what a configured mapping means.
	mappingVersion = 1
	// maxPage is the largest page, in rows, maxBytes in bytes of the file: a thousand rows may be a gigabyte.
	maxPage  = 1000
	maxBytes = 4 << 20
	// maxBroken is how many rows of one file become dead letters. A file with more is in another encoding, or another file
	// altogether.
	maxBroken = 10_000
)

// Factory describes the adapter.
func Factory() adapters.Factory {
	return adapters.Factory{Name: "filedrop", NoBaseURL: true, Declare: declare, Open: open}
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	set, err := compile(s)
	if err != nil {
		return nil, err
	}
	drop := &drop{setup: set, now: s.Now}
	a := &adapters.Adapter{MappingVersion: mappingVersion, Translator: translator{set}, Prober: drop}
	if len(s.WebhookSecrets) > 0 && set.reads() {
		a.Webhook = &webhook{setup: set, secrets: s.WebhookSecrets, now: s.Now}
	}
	if set.pulls() {
		a.Puller = drop
	}
	if set.writes() {
		a.Pusher, a.Archiver = drop, drop
	}
	return a, nil
}

// drop is one folder.
type drop struct {
	*setup
	now func() time.Time
}
