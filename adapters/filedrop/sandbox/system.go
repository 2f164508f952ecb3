// Package sandbox is a system that knows nothing but files, as it stands in many a cellar: it drops exports in a folder, in
// CSV and SOAP and in the encodings of its time, posts them if it is told where, and reads what is put into out/. It knows
// nothing of the adapter.
package sandbox

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Options are how a system is set up.
type Options struct {
	// Folder has in/, done/, rejected/ and out/; New makes them.
	Folder string
	// URL is where files are posted, with their name as ?file=NAME; empty where they are not.
	URL    string
	Secret string
	Now    func() time.Time
	// Everything makes each export a whole one; else it has what changed.
	Everything bool
}

// Row is one object: names and texts, for SOAP also groups (Row) and lists ([]Row).
type Row map[string]any

// System is a running one.
type System struct {
	options Options
	post    *poster

	mu      sync.Mutex
	objects map[string]map[string]Row // by kind and id
	files   int
}

// New makes the folders and starts a system without objects.
func New(o Options) (*System, error) {
	for _, name := range []string{"in", "done", "rejected", "out"} {
		if err := os.MkdirAll(filepath.Join(o.Folder, name), 0o755); err != nil {
			return nil, err
		}
	}
	return &System{options: o, post: newPoster(o), objects: map[string]map[string]Row{}}, nil
}

// Close stops the posting.
func (s *System) Close() { s.post.close() }

// Settled waits until every file was taken by whom it was posted to.
func (s *System) Settled(ctx context.Context) error { return s.post.settled(ctx) }

// Put makes or changes objects, and exports them in one file.
func (s *System) Put(kind string, rows map[string]Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[kind] == nil {
		s.objects[kind] = map[string]Row{}
	}
	changed := make([]Row, 0, len(rows))
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		s.objects[kind][id] = rows[id]
		changed = append(changed, rows[id])
	}
	return s.export(kind, changed)
}

// Row is an object as it is; nil where there is none.
func (s *System) Row(kind, id string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.objects[kind][id])
}

// Delete deletes an object. An export of what changed has it with a mark; one of everything has it no more.
func (s *System) Delete(kind, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := maps.Clone(s.objects[kind][id])
	if last == nil {
		return fmt.Errorf("there is no %s %s", kind, id)
	}
	delete(s.objects[kind], id)
	last["Deleted"] = "X"
	return s.export(kind, []Row{last})
}

// Count reads out/, and says how many objects there are.
func (s *System) Count(kind string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	archived, err := archivedIn(filepath.Join(s.options.Folder, "out"), kind)
	for _, id := range archived {
		delete(s.objects[kind], id)
	}
	return len(s.objects[kind]), err
}

// export writes a file, and posts it.
func (s *System) export(kind string, changed []Row) error {
	s.files++
	if s.options.Everything {
		changed = slices.Collect(maps.Values(s.objects[kind]))
	}
	file := Encode(kind, changed)
	name := fmt.Sprintf("%ss-%06d.%s", kind, s.files, Extension(kind))
	if err := drop(filepath.Join(s.options.Folder, "in"), name, file, s.options.Now()); err != nil {
		return err
	}
	s.post.send(name, file)
	return nil
}

// drop writes a file under another name first.
func drop(folder, name string, file []byte, at time.Time) error {
	hidden := filepath.Join(folder, name+".part")
	if err := os.WriteFile(hidden, file, 0o644); err != nil {
		return err
	}
	if err := os.Chtimes(hidden, at, at); err != nil {
		return err
	}
	return os.Rename(hidden, filepath.Join(folder, name))
}
