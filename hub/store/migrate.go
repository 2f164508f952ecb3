package store

import "io/fs"

// Migrations are the files that make the hub's tables; the queue makes its own.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // the folder is there at compile time
	}
	return sub
}
