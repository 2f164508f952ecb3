package adaptertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"buf.build/go/protovalidate"

	"github.com/canonhub/canonhub/adapters"
)

var bendChecks = []check{
	{"TranslateSurvivesBentWebhooks", needs(adapters.Webhooks), survivesBentWebhooks},
	{"FetchSurvivesBentObjects", needs(adapters.Fetches), survivesBentObjects},
}

// bends are what is put in the place of each value in turn. A vendor's next version, its users' odd data and a broken
// proxy all look like one of these.
func bends() map[string]any {
	return map[string]any{
		"null": nil, "empty": "", "blank": " ", "text": "x-canonhub-x", "long": strings.Repeat("ü", 70_000), "control": "a\x00b\nc", "emoji": "👩‍👩‍👧‍👦", "address": "a@b", "number in text": "1e400",
		"minus": json.Number("-1"), "big": json.Number("9223372036854775808"), "fraction": json.Number("0.1"), "exponent": json.Number("1e400"), "zero": json.Number("0"),
		"true": true, "list": []any{}, "list of null": []any{nil}, "list of lists": []any{[]any{}}, "object": map[string]any{}, "object with id": map[string]any{"id": "x", "object": "x"},
	}
}

// Whatever comes, Translate returns: an error, or valid messages.
func survivesBentWebhooks(t testing.TB, s Suite) {
	a := s.unconnected(t, s.settings(nil))
	done := places{}
	for _, g := range s.goldenBodies(t) {
		done.eachBend(t, g, s.meaning(a, g), func(how string, input []byte) {
			defer unbroken(t, g.name, how)
			events, err := a.Webhook.Split(s.request(g.name, input))
			if err != nil {
				return
			}
			for _, e := range events {
				out, err := a.Translator.Translate(e)
				if err != nil {
					continue
				}
				for _, o := range out.Observations {
					validOrNothing(t, g.name+", "+how, o)
				}
			}
		})
	}
}

func survivesBentObjects(t testing.TB, s Suite) {
	api := s.api(t)
	done := places{}
	for _, g := range s.goldenAnswers(t) {
		done.eachBend(t, g, path.Dir(g.name), func(how string, input []byte) {
			defer unbroken(t, g.name, how)
			api.says(http.StatusOK, "application/json", input)
			if o, err := api.fetch(g); err == nil {
				validOrNothing(t, g.name+", "+how, o)
			}
		})
	}
}

func validOrNothing(t testing.TB, what string, o adapters.Observation) {
	t.Helper()
	if o.ExternalID == "" || o.RecordID != "" && !recordIDForm.MatchString(o.RecordID) {
		t.Errorf("%s: an observation of %q, of record %q", what, o.ExternalID, o.RecordID)
	}
	if o.Message == nil {
		return
	}
	if err := protovalidate.Validate(cleaned(t, o).Message); err != nil {
		t.Errorf("%s: the message is not valid: %v", what, err)
	}
}

// unbroken turns a panic into a failure that says what caused it.
func unbroken(t testing.TB, name, how string) {
	t.Helper()
	if broke := recover(); broke != nil {
		t.Errorf("%s, %s: panic: %v", name, how, broke)
	}
}

// meaning is what a webhook is about, so that those about the same are bent in each place once.
func (s Suite) meaning(a *adapters.Adapter, g recorded) string {
	events, err := a.Webhook.Split(s.request(g.name, g.input))
	if err != nil {
		return ""
	}
	var kinds []string
	for _, e := range events {
		out, _ := a.Translator.Translate(e)
		for _, o := range out.Observations {
			kinds = append(kinds, string(o.Kind))
		}
	}
	return strings.Join(kinds, " ")
}

// places are what was bent already: a pointer, whatever its positions in lists, of a meaning.
type places map[[2]string]bool

var position = regexp.MustCompile(`/[0-9]+(/|$)`)

// eachBend puts every bend in the place of every value of a JSON text, and takes every field away.
func (done places) eachBend(t testing.TB, g recorded, meaning string, try func(how string, input []byte)) {
	t.Helper()
	bent := bends()
	for _, pointer := range pointers(t, g.input) {
		place := [2]string{meaning, position.ReplaceAllString(pointer, "/-$1")}
		if done[place] {
			continue
		}
		done[place] = true
		try(pointer+" is missing", withValue(t, g.input, pointer, gap{}))
		for name, value := range bent {
			try(pointer+" is "+name, withValue(t, g.input, pointer, value))
		}
	}
}

// gap stands for a value that is taken away.
type gap struct{}

// decode reads JSON with its numbers as they are written.
func decode(t testing.TB, input []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("a golden input is no JSON: %v", err)
	}
	return out
}

// pointers lists the values in a JSON text, by RFC 6901, without the whole.
func pointers(t testing.TB, input []byte) []string {
	t.Helper()
	var out []string
	var walk func(at string, node any)
	walk = func(at string, node any) {
		if at != "" {
			out = append(out, at)
		}
		switch node := node.(type) {
		case map[string]any:
			for name, value := range node {
				walk(at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), value)
			}
		case []any:
			for i, value := range node {
				walk(fmt.Sprintf("%s/%d", at, i), value)
			}
		}
	}
	walk("", decode(t, input))
	slices.Sort(out)
	return out
}

// withValue is the JSON text with another value at a pointer; the empty pointer is the whole.
func withValue(t testing.TB, input []byte, pointer string, value any) []byte {
	t.Helper()
	out, err := json.Marshal(replaced(t, decode(t, input), pointer, value))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func replaced(t testing.TB, node any, pointer string, value any) any {
	t.Helper()
	if pointer == "" {
		return value
	}
	step, rest, _ := strings.Cut(pointer[1:], "/")
	if rest != "" {
		rest = "/" + rest
	}
	step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	switch node := node.(type) {
	case map[string]any:
		child := replaced(t, node[step], rest, value)
		if child == (any)(gap{}) {
			delete(node, step)
		} else {
			node[step] = child
		}
		return node
	case []any:
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(node) {
			t.Fatalf("%s: the list has no %q", pointer, step)
		}
		if node[i] = replaced(t, node[i], rest, value); node[i] == (any)(gap{}) {
			return slices.Delete(node, i, i+1)
		}
		return node
	}
	t.Fatalf("%s leads nowhere", pointer)
	return nil
}
