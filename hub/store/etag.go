package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Etag changes with every revision. It is quoted, as HTTP has it (AIP-154), and a hash, so that nobody counts with it.
func Etag(id RecordID, revision Revision) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", id, revision))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

// etagsBack is how many revisions an etag may be behind.
const etagsBack = 10_000

// RevisionOf finds the revision that an etag was made of, at most the current one; 0 where it is of none, or too old.
func RevisionOf(etag string, id RecordID, current Revision) Revision {
	for r := current; r > 0 && r > current-etagsBack; r-- {
		if Etag(id, r) == etag {
			return r
		}
	}
	return 0
}
