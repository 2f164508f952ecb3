package credentials

import (
	"io/fs"
	"os"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/config"
)

// file is a secret in a file that whoever runs the hub may replace: a mounted secret that the platform rotates.
type file struct {
	seen fs.FileInfo
	// text is what it holds; coming is what was read of it last, which counts once it is read twice: nobody is sent away
	// by half of a file that is being written.
	text, coming adapters.Secret
}

// or is the file's text, or another where it has held none.
func (f *file) or(before adapters.Secret) adapters.Secret {
	if f.text.IsZero() {
		return before
	}
	return f.text
}

// look reads the file where it is another than before.
func (f *file) look(name string) {
	info, err := os.Stat(name)
	if err != nil {
		return // it is on its way, or gone: what it held stays in use
	}
	settled := f.coming.IsZero() || f.coming.Reveal() == f.text.Reveal()
	if settled && f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return
	}
	text, err := config.ReadSecret(name)
	if err != nil {
		f.seen, f.coming = nil, adapters.Secret{}
		return
	}
	if text.Reveal() == f.coming.Reveal() || f.seen == nil && f.text.IsZero() && f.coming.IsZero() {
		f.text = text
	}
	f.seen, f.coming = info, text
}
