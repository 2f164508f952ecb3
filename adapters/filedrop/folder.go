package filedrop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/canonhub/canonhub/adapters/fault"
)

// The folders.
const (
	inFolder   = "in"
	doneFolder = "done"
	rejected   = "rejected"
	outFolder  = "out"
)

const (
	// maxName leaves room for what is put before a name.
	maxName = 180
	// maxAhead is how far in the future a file's time may be before it is taken for wrong.
	maxAhead = time.Hour
)

// folder is the connection's, opened for one call. Nothing in it leads out of it: os.Root follows no link to the outside.
type folder struct {
	*os.Root
	op string
}

func (d *drop) open(ctx context.Context, op string) (*folder, error) {
	if ctx.Err() != nil {
		return nil, &fault.Error{Category: fault.Transient, Op: op, Message: "there is no time left", Err: ctx.Err()}
	}
	root, err := os.OpenRoot(d.folder)
	if err != nil {
		return nil, failure(op, "open the folder", err)
	}
	return &folder{root, op}, nil
}

// failure is what a failure of the file system means: a right that is missing is a credential's matter, anything else a
// disk or a mount that comes back.
func failure(op, what string, err error) *fault.Error {
	f := &fault.Error{Category: fault.Transient, Op: op, Message: what}
	if errors.Is(err, fs.ErrPermission) {
		f.Category = fault.Auth
	}
	var at *fs.PathError
	var both *os.LinkError
	switch { // names of files are the vendor's
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &both):
		err = both.Err
	}
	f.Err = err
	return f
}

func (f *folder) fail(what string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return failure(f.op, what, err)
}

// check says that a folder is there. None is made: where a mount is missing, it would hide that.
func (f *folder) check(names ...string) error {
	for _, name := range names {
		info, err := f.Stat(name)
		if err == nil && !info.IsDir() {
			err = errors.New("it is no folder")
		}
		if err != nil {
			return f.fail("the folder has no "+name+"/; is it mounted? If it is, make it", err)
		}
	}
	return nil
}

// list gives the regular files of a folder that fit, by name.
func (f *folder) list(name string, fits func(string) bool) ([]string, error) {
	dir, err := f.Open(name)
	if err != nil {
		return nil, f.fail("list "+name+"/", err)
	}
	defer func() { _ = dir.Close() }()
	var names []string
	for {
		entries, err := dir.ReadDir(1000)
		for _, e := range entries {
			if e.Type().IsRegular() && fits(e.Name()) {
				names = append(names, e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, f.fail("list "+name+"/", err)
		}
	}
}

// temporary are what programs call files that are still being written.
var temporary = regexp.MustCompile(`(?i)^[.~]|\.(tmp|temp|part|partial|filepart|writing|crdownload|swp|bak|lock)$|~$`)

// file is one that is read.
type file struct {
	Name string `json:"n"`
	Size int64  `json:"s"`
	// Changed is when it was, in nanoseconds; At is that as its rows' time, in milliseconds.
	Changed int64  `json:"c"`
	At      int64  `json:"a"`
	Hash    string `json:"h"`
}

func (f file) time() time.Time { return time.UnixMilli(f.At).UTC() }

// kept is its name in done/ and rejected/.
func (f file) kept() string {
	name := f.Name
	for len(name) > maxName || !utf8.ValidString(name) {
		name = name[:min(len(name)-1, maxName)]
	}
	return fmt.Sprintf("%s-%s-%s", f.time().Format(stampForm), f.Hash, name)
}

const stampForm = "20060102T150405.000Z"

var keptForm = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)-([0-9a-f]{32})-(.+)$`)

// parseKept reads a name in done/.
func parseKept(name string) (file, bool) {
	parts := keptForm.FindStringSubmatch(name)
	if parts == nil {
		return file{}, false
	}
	at, err := time.Parse(stampForm, parts[1])
	return file{Name: parts[3], At: at.UnixMilli(), Hash: parts[2]}, err == nil
}

// settled finds the first file in in/ that fits and is not being written any more, with its hash; nil where there is none.
func (d *drop) settled(ctx context.Context, f *folder, fits func(string) bool) (*file, error) {
	names, err := f.list(inFolder, func(name string) bool {
		return !temporary.MatchString(name) && utf8.ValidString(name) && fits(name)
	})
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		one, err := d.take(ctx, f, name)
		if err != nil || one != nil {
			return one, err
		}
	}
	return nil, nil
}

// take reads a file for its hash; nil where it is being written, or gone.
func (d *drop) take(ctx context.Context, f *folder, name string) (*file, error) {
	before, err := f.Lstat(path.Join(inFolder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.fail("look at a file", err)
	}
	now, changed := d.now(), before.ModTime()
	if age := now.Sub(changed); age < d.settle && age > -maxAhead || !before.Mode().IsRegular() {
		return nil, nil
	}
	hash, err := f.hash(ctx, path.Join(inFolder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.fail("read a file", err)
	}
	after, err := f.Lstat(path.Join(inFolder, name))
	if err != nil || after.Size() != before.Size() || !after.ModTime().Equal(changed) {
		return nil, nil
	}
	one := &file{Name: name, Size: before.Size(), Changed: changed.UnixNano(), At: changed.UnixMilli(), Hash: hash}
	if changed.After(now) {
		one.At = now.UnixMilli()
	}
	return one, nil
}

// hash is a file's content as half of its SHA-256.
func (f *folder) hash(ctx context.Context, name string) (string, error) {
	in, err := f.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	sum, buffer := sha256.New(), make([]byte, 1<<20)
	for ctx.Err() == nil {
		n, err := in.Read(buffer)
		sum.Write(buffer[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)[:16]), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", ctx.Err()
}

// reopen finds a file that was taken: in in/ as it was, or where it was moved to. nil where it is in neither.
func (f *folder) reopen(one file) (*os.File, error) {
	for _, name := range []string{path.Join(inFolder, one.Name), path.Join(doneFolder, one.kept()), path.Join(rejected, one.kept())} {
		in, err := f.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, f.fail("open a file", err)
		}
		info, err := in.Stat()
		if err == nil && (!strings.HasPrefix(name, inFolder) || info.Size() == one.Size && info.ModTime().UnixNano() == one.Changed) {
			return in, nil
		}
		_ = in.Close()
	}
	return nil, nil
}

// move takes a file out of in/. It may have been moved already, or replaced by another one, which stays.
func (f *folder) move(one file, to string) error {
	from := path.Join(inFolder, one.Name)
	info, err := f.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (info.Size() != one.Size || info.ModTime().UnixNano() != one.Changed) {
		return nil
	}
	if err == nil {
		err = f.Rename(from, path.Join(to, one.kept()))
	}
	if err == nil {
		err = f.giveBack(info, one, to)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.fail("move a file to "+to+"/", err)
	}
	if _, err := f.Lstat(to); err != nil { // ErrNotExist may be the folder's
		return f.fail("move a file to "+to+"/", err)
	}
	return nil
}

// giveBack looks whether what was moved is what was read. Between the last look and the move its system may have put
// another one in its place: that one goes back, unless there is a newer one by now. The inode alone does not tell: that of
// a file that was replaced is given to the next one.
func (f *folder) giveBack(read fs.FileInfo, one file, to string) error {
	moved := path.Join(to, one.kept())
	info, err := f.Lstat(moved)
	if err != nil || os.SameFile(read, info) && info.Size() == one.Size && info.ModTime().UnixNano() == one.Changed {
		return err
	}
	if err := f.Link(moved, path.Join(inFolder, one.Name)); err != nil && !errors.Is(err, fs.ErrExist) {
		return f.Rename(moved, path.Join(inFolder, one.Name)) // a file system without links
	}
	return f.Remove(moved)
}

// keep sees to it that the names in a folder outlast a power cut, where the file system can be asked for that.
func (f *folder) keep(name string) error {
	dir, err := f.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
