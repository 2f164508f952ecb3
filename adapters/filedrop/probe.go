package filedrop

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path"
)

// Probe proves that what is to be read can be moved, and what is to be written can be.
func (d *drop) Probe(ctx context.Context) error {
	f, err := d.open(ctx, "probe")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var names []string
	if d.reads() {
		names = append(names, inFolder, doneFolder, rejected)
	}
	if d.writes() {
		names = append(names, outFolder)
	}
	if err := f.check(names...); err != nil {
		return err
	}
	for _, name := range names {
		probe := path.Join(name, ".probe-"+rand.Text()+".tmp")
		out, err := f.OpenFile(probe, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = errors.Join(out.Close(), f.Remove(probe))
		}
		if err != nil {
			return f.fail("write to "+name+"/", err)
		}
	}
	return nil
}
