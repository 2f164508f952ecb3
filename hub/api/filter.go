package api

import (
	"fmt"
	"strings"
	"time"
)

// window is a span of update times: from is in it, until is not. A zero time leaves that side open.
type window struct {
	from, until time.Time
}

// parseFilter reads the part of AIP-160 that the index serves: comparisons of update_time, joined by AND.
//
//	filter     = "" | comparison { AND comparison }
//	comparison = "update_time" ( "=" | "<" | "<=" | ">" | ">=" ) '"' RFC 3339 time '"'
//
// Anything else is an error that tells the position: a filter that is half understood answers the wrong question.
func parseFilter(text string) (window, error) {
	p := &filterParser{text: text}
	var w window
	if p.space(); p.at == len(text) {
		return w, nil
	}
	for {
		if err := p.comparison(&w); err != nil {
			return window{}, err
		}
		if p.space(); p.at == len(text) {
			return w, nil
		}
		if word := p.word(); word != "AND" {
			return window{}, p.fail(p.at-len(word), `expected AND or the end`)
		}
	}
}

type filterParser struct {
	text string
	at   int
}

// fail makes an error about a byte of the filter, counted from 1.
func (p *filterParser) fail(at int, problem string) error {
	return fmt.Errorf("filter, position %d: %s", at+1, problem)
}

func (p *filterParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take takes the bytes that belong to a token.
func (p *filterParser) take(belongs func(byte) bool) string {
	from := p.at
	for p.at < len(p.text) && belongs(p.text[p.at]) {
		p.at++
	}
	return p.text[from:p.at]
}

func (p *filterParser) word() string {
	return p.take(func(c byte) bool {
		return c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	})
}

func (p *filterParser) comparison(w *window) error {
	p.space()
	start := p.at
	if field := p.word(); field != "update_time" {
		return p.fail(start, `expected update_time, the one field that can be filtered by`)
	}
	p.space()
	start = p.at
	operator := p.take(func(c byte) bool { return strings.IndexByte("<>=!:", c) >= 0 })
	narrow := narrowing[operator]
	if narrow == nil {
		return p.fail(start, `expected one of = < <= > >=`)
	}
	t, err := p.time()
	if err != nil {
		return err
	}
	narrow(w, wholeMicro(t), wholeMicro(t.Add(time.Nanosecond)))
	return nil
}

func (p *filterParser) time() (time.Time, error) {
	p.space()
	start := p.at
	if p.at == len(p.text) || p.text[p.at] != '"' {
		return time.Time{}, p.fail(start, `expected a time in double quotes, such as "2026-01-01T00:00:00Z"`)
	}
	p.at++
	text := p.take(func(c byte) bool { return c != '"' })
	if p.at == len(p.text) {
		return time.Time{}, p.fail(start, `the quote is not closed`)
	}
	p.at++
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil { // stricter than time.Parse
		return time.Time{}, p.fail(start+1, `expected an RFC 3339 time, such as 2026-01-01T00:00:00Z`)
	}
	return t, nil
}

// narrowing is what each comparison does to a window: at is the compared time, after the first time after it.
var narrowing = map[string]func(w *window, at, after time.Time){
	"=":  func(w *window, at, after time.Time) { w.notBefore(at); w.before(after) },
	"<":  func(w *window, at, _ time.Time) { w.before(at) },
	"<=": func(w *window, _, after time.Time) { w.before(after) },
	">":  func(w *window, _, after time.Time) { w.notBefore(after) },
	">=": func(w *window, at, _ time.Time) { w.notBefore(at) },
}

func (w *window) notBefore(t time.Time) {
	if t.After(w.from) {
		w.from = t
	}
}

func (w *window) before(t time.Time) {
	if !t.After(time.Time{}) {
		t = time.Time{}.Add(time.Microsecond) // as empty, and not open
	}
	if w.until.IsZero() || t.Before(w.until) {
		w.until = t
	}
}

// wholeMicro is the first whole microsecond that is not before t. Stored times are whole microseconds: a bound between
// two of them is the later one.
func wholeMicro(t time.Time) time.Time {
	if rest := t.Nanosecond() % 1000; rest != 0 {
		t = t.Add(time.Duration(1000 - rest))
	}
	return t.UTC()
}
