package store

import "io/fs"

// mustSub roots the embedded files where goose looks for them; the folder is there at compile time.
func mustSub() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations
	}
	return sub
}
