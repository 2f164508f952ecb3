package receive

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/connection"
)

const (
	// defaultRate and defaultConcurrency are a connection's where its configuration says nothing: more than a vendor sends,
	// and less than what would hurt the others.
	defaultRate        = 2000
	defaultConcurrency = 256
)

// door is where one connection's webhooks come in.
type door struct {
	c     *connection.Connection
	slots *semaphore.Weighted
	rate  *rate.Limiter
	log   *slog.Logger
	// often keeps noise from filling the log.
	often rate.Sometimes
}

func newDoor(c *connection.Connection, log *slog.Logger) *door {
	perSecond := cmp.Or(c.Receive.PerSecond, defaultRate)
	return &door{c: c, slots: semaphore.NewWeighted(int64(cmp.Or(c.Receive.Concurrency, defaultConcurrency))),
		rate: rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond))), log: log, often: rate.Sometimes{First: 5, Interval: time.Second}}
}

// turn tells how long a request is to wait; 0 where it may come in.
func (d *door) turn(now time.Time) time.Duration {
	if d.rate.AllowN(now, 1) {
		return 0
	}
	missing := 1 - d.rate.TokensAt(now)
	return max(time.Millisecond, time.Duration(missing/float64(d.rate.Limit())*float64(time.Second)))
}

// tell writes to the log, at most once a second. Why a stranger is refused is nobody's interest.
func (d *door) tell(level slog.Level, message string, err error) {
	if d.c.Name == "" {
		return
	}
	d.often.Do(func() { d.log.Log(context.Background(), level, message, "connection", d.c.Name, "reason", err) })
}

// ours leaves out the events of accounts that are not the connection's.
func ours(c *connection.Connection, events []adapters.Event) []adapters.Event {
	account := c.Adapter.Account
	if account == "" {
		return events
	}
	ours := make([]adapters.Event, 0, len(events))
	for _, e := range events {
		if e.Account == "" || e.Account == account {
			ours = append(ours, e)
		}
	}
	return ours
}

// numbers are the vendor's of its events.
func numbers(events []adapters.Event) (all []int64) {
	for _, e := range events {
		if e.Sequence > 0 {
			all = append(all, e.Sequence)
		}
	}
	return all
}

// bodies are the media types that vendors send: JSON, forms, XML (SOAP), and text such as CSV.
var bodies = []string{"application/json", "application/x-www-form-urlencoded", "application/xml", "text/"}

// readable says that a body's type is one that vendors send, and that it comes as it was signed: not compressed.
func readable(h http.Header) bool {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return false
	}
	text := h.Get("Content-Type")
	if text == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(text)
	if err != nil {
		return false
	}
	for _, known := range bodies {
		if strings.HasPrefix(media, known) {
			return true
		}
	}
	return strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}

// piece is the memory that a request begins with; most bodies are smaller.
const piece = 16 << 10

// held is a request's part of the memory for bodies: its name's, and of all. It grows with what has come in: who
// announces much and sends little holds little.
type held struct {
	of   [2]*semaphore.Weighted
	size int64
}

func (h *held) grow(by int64) bool {
	if !h.of[0].TryAcquire(by) {
		return false
	}
	if !h.of[1].TryAcquire(by) {
		h.of[0].Release(by)
		return false
	}
	h.size += by
	return true
}

func (h *held) release() {
	for _, memory := range h.of {
		memory.Release(h.size)
	}
	h.size = 0
}

var errNoMemory = errors.New("others' bodies fill the memory")

// all reads to the end, within the memory that is free.
func (h *held) all(r io.Reader) (body []byte, err error) {
	for err == nil {
		if len(body) == cap(body) {
			if !h.grow(int64(max(piece, cap(body)))) {
				return nil, errNoMemory
			}
			body = slices.Grow(body, max(piece, cap(body)))
		}
		var n int
		n, err = r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
	}
	if err == io.EOF {
		err = nil
	}
	return body, err
}

// read reads a body whose sender is neither slow nor without end.
func read(w http.ResponseWriter, req *http.Request, within time.Duration, memory *held) (body []byte, refusal *answer) {
	// Where the deadline cannot be set the server's own holds. net/http lifts it at the body's end.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(within))
	body, err := memory.all(http.MaxBytesReader(w, req.Body, maxBody))
	var tooLarge *http.MaxBytesError
	var a answer
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, errNoMemory):
		a = later(http.StatusServiceUnavailable, "busy", 0)
	case errors.As(err, &tooLarge):
		a = status(http.StatusRequestEntityTooLarge, "too_large")
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		a = status(http.StatusRequestTimeout, "slow")
	default:
		a = status(http.StatusBadRequest, "unreadable")
	}
	return nil, &a
}

// stranger does for a connection that does not exist what verifying does for one that does: it takes about as long, and fails.
type stranger []byte

var errStranger = errors.New("there is no such connection")

// Verify fails.
func (s stranger) Verify(d adapters.Delivery) (int, error) {
	mac := hmac.New(sha256.New, s)
	mac.Write(d.Body)
	_ = hmac.Equal(mac.Sum(nil), s)
	return 0, errStranger
}

// Split fails.
func (stranger) Split(adapters.Delivery) ([]adapters.Event, error) { return nil, errStranger }
