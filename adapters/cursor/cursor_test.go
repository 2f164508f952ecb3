package cursor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
)

// keyset is the usual state.
type keyset struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

func TestAStateComesBackAsItWas(t *testing.T) {
	t.Parallel()
	want := keyset{At: time.Date(2026, 11, 2, 9, 0, 0, 123456789, time.UTC), ID: "Ünïcode/&?"}
	text := cursor.Encode(want)
	if strings.ContainsAny(text, "/+=&? ") {
		t.Errorf("%q is not safe in a URL", text)
	}
	var got keyset
	if err := cursor.Decode(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheFirstPageHasNoCursor(t *testing.T) {
	t.Parallel()
	got := keyset{ID: "default"}
	if err := cursor.Decode("", &got); err != nil || got.ID != "default" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A cursor is stored for long: one that an older version wrote must not be taken for another place.
func TestAForeignCursorBeginsThePullAnew(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"no base64": "%%%", "padded": "e30=", "no JSON": "AAAA", "another state": cursor.Encode(map[string]any{"page": 7}),
		"another type": cursor.Encode(map[string]any{"id": 7}), "a list": cursor.Encode([]string{"a"}), "huge": strings.Repeat("A", 1<<20),
		"two": "e30ge30", // {} {}
	} {
		var got keyset
		if err := cursor.Decode(text, &got); err == nil || fault.CategoryOf(err) != fault.Gone || strings.Contains(err.Error(), "page") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// FuzzDecode: whatever is stored, Decode returns.
func FuzzDecode(f *testing.F) {
	f.Add("")
	f.Add(cursor.Encode(keyset{ID: "a"}))
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		var got keyset
		if err := cursor.Decode(text, &got); err != nil {
			return
		}
		var again keyset
		if err := cursor.Decode(cursor.Encode(got), &again); err != nil || again.ID != got.ID || !again.At.Equal(got.At) {
			t.Fatalf("%q: %+v came back as %+v, %v", text, got, again, err)
		}
	})
}
