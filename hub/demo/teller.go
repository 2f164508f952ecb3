package demo

import (
	"fmt"
	"io"
	"time"
)

// teller writes the story for a person at a terminal.
type teller struct {
	out      io.Writer
	colour   bool
	began    time.Time
	chapters int
	checks   int
}

const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	dim   = "\x1b[2m"
	plain = "\x1b[0m"
)

func (t *teller) paint(style, text string) string {
	if !t.colour {
		return text
	}
	return style + text + plain
}

func (t *teller) title(text string) { fmt.Fprintf(t.out, "\n%s\n", t.paint(bold, text)) }

func (t *teller) chapter(text string) {
	t.chapters++
	fmt.Fprintf(t.out, "\n%s\n", t.paint(bold, fmt.Sprintf("%d. %s", t.chapters, text)))
}

// does tells what somebody does.
func (t *teller) does(format string, args ...any) {
	fmt.Fprintf(t.out, "   %s\n", fmt.Sprintf(format, args...))
}

// saw tells what was checked and found to be so.
func (t *teller) saw(format string, args ...any) {
	t.checks++
	fmt.Fprintf(t.out, "   %s %s\n", t.paint(green, "✓"), fmt.Sprintf(format, args...))
}

func (t *teller) failed(err error) { fmt.Fprintf(t.out, "   %s %s\n", t.paint(red, "✗"), err) }

func (t *teller) line(text string) { fmt.Fprintln(t.out, t.paint(dim, "   "+text)) }

func (t *teller) verdict() {
	fmt.Fprintf(t.out, "\n%s\n", t.paint(bold+green, fmt.Sprintf("All systems agree: %d checks in %s.", t.checks, time.Since(t.began).Round(100*time.Millisecond))))
}
