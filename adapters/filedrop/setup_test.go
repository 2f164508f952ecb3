package filedrop_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

var (
	noon   = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	secret = adapters.NewSecret("a-webhook-secret")
)

// bundle is a folder, the adapter on it, and a clock that stands still.
type bundle struct {
	*adapters.Adapter
	t        *testing.T
	folder   string
	now      time.Time
	settings adapters.Settings
}

// object is a JSON object.
type object = map[string]any

// customers are options that read customers of two columns.
func customers(more ...object) object {
	kind := object{"id": "row.NR", "attributes": object{"email": "row.MAIL"}}
	for _, each := range more {
		for name, value := range each {
			kind[name] = value
		}
	}
	return object{"customer": kind}
}

func setup(t *testing.T, kinds object) *bundle {
	t.Helper()
	b := &bundle{t: t, folder: t.TempDir(), now: noon}
	for _, name := range []string{"in", "done", "rejected", "out"} {
		if err := os.Mkdir(filepath.Join(b.folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.open(kinds)
	return b
}

// open opens the adapter on the folder with other options.
func (b *bundle) open(kinds object) {
	b.t.Helper()
	options, err := json.Marshal(object{"folder": b.folder, "kinds": kinds})
	if err != nil {
		b.t.Fatal(err)
	}
	b.settings = adapters.Settings{Connection: "erp", Options: options, WebhookSecrets: []adapters.Secret{secret}, Now: func() time.Time { return b.now }}
	if b.Adapter, err = filedrop.Factory().Open(b.settings); err != nil {
		b.t.Fatal(err)
	}
}

// drop puts a file into in/, a minute old.
func (b *bundle) drop(name, text string) { b.dropAt(name, text, b.now.Add(-time.Minute)) }

func (b *bundle) dropAt(name, text string, at time.Time) {
	b.t.Helper()
	path := filepath.Join(b.folder, "in", name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		b.t.Fatal(err)
	}
}

// files are the names in one of the folders, those in done/ and rejected/ without what is put before them.
func (b *bundle) files(folder string) []string {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.folder, folder))
	if err != nil {
		b.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		name := e.Name()
		if parts := strings.SplitN(name, "Z-", 2); len(parts) == 2 && (folder == "done" || folder == "rejected") && !strings.HasPrefix(name, ".") {
			name = parts[1][33:]
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (b *bundle) has(folder string, want ...string) {
	b.t.Helper()
	if got := b.files(folder); !slices.Equal(got, append([]string{}, want...)) {
		b.t.Errorf("%s/ has %q, want %q", folder, got, want)
	}
}

func (b *bundle) page(kind adapters.Kind, cursor string, size int) adapters.Page {
	b.t.Helper()
	page, err := b.Puller.Pull(b.t.Context(), adapters.Query{Kind: kind, Cursor: cursor, Size: size})
	if err != nil {
		b.t.Fatal(err)
	}
	return page
}

// haul is all that a pull brought.
type haul struct {
	observations []adapters.Observation
	rejected     []adapters.Rejected
	next         string
}

// pull reads from a cursor to the end, and one by one.
func (b *bundle) pull(kind adapters.Kind, cursor string, size int) (h haul) {
	b.t.Helper()
	for range 10_000 {
		page := b.page(kind, cursor, size)
		h.observations, h.rejected, h.next = append(h.observations, page.Observations...), append(h.rejected, page.Rejected...), page.Next
		if cursor = page.Next; !page.More {
			return h
		}
	}
	b.t.Fatal("the pull has no end")
	return h
}

// said are the objects of a haul as lines: id, what of it, and a minus where it is gone.
func (h haul) said() []string {
	lines := []string{}
	for _, o := range h.observations {
		if o.Gone {
			lines = append(lines, "-"+string(o.ExternalID))
			continue
		}
		email := ""
		if c, is := o.Message.(*canonicalv1.Customer); is {
			email = c.GetEmail()
		}
		lines = append(lines, fmt.Sprintf("%s %s", o.ExternalID, email))
	}
	return lines
}

func (h haul) says(t *testing.T, want ...string) {
	t.Helper()
	if got := h.said(); !slices.Equal(got, append([]string{}, want...)) {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// rejects compares where and why rows were rejected.
func (h haul) rejects(t *testing.T, want ...string) {
	t.Helper()
	got := []string{}
	for _, r := range h.rejected {
		got = append(got, r.Where+": "+r.Reason)
	}
	if !slices.Equal(got, append([]string{}, want...)) {
		t.Errorf("it rejects %q, want %q", got, want)
	}
}

func declared(b *bundle) ([]adapters.Carriage, error) { return filedrop.Factory().Declare(b.settings) }
