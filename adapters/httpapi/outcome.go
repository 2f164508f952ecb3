package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/canonhub/canonhub/adapters/fault"
)

// way follows how far a request got. The transport's own goroutines tell it, hence the atomics.
type way struct{ dialing, connected atomic.Bool }

func (w *way) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.dialing.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.connected.Store(true) },
	})
}

// maybeSent says whether a request that failed may have reached the vendor. It did not where there was never a
// connection for it, or where whoever held it back says so; a transport that tells nothing may have sent it.
func (w *way) maybeSent(err error) bool {
	var held interface{ NotSent() bool }
	if errors.As(err, &held) && held.NotSent() {
		return false
	}
	return w.connected.Load() || !w.dialing.Load()
}

// noAnswer is the fault of a call that no usable answer came to.
func noAnswer(op string, maybeDone bool, err error) *fault.Error {
	f := &fault.Error{Category: fault.Transient, Op: op, Message: "no answer from the vendor", MaybeDone: maybeDone, Err: cause(err)}
	var refused refusal
	var timed interface{ Timeout() bool }
	switch {
	case errors.As(err, &refused):
		f.Category, f.Message = fault.Permanent, "the call was not followed through"
	case errors.Is(err, context.Canceled):
		f.Message = "the call was given up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		f.Message = "no answer from the vendor in time"
	}
	return f
}

// refusal is what our own rules did not let through; the vendor's address or our configuration must change.
type refusal string

// Error says what to do.
func (r refusal) Error() string { return string(r) }

// cause is the part of an error of net/http that is safe to show. url.Error prints the query, and errors of the
// protocol quote what the vendor sent: of what is not known to be harmless only the type is told.
func cause(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	var (
		held        interface{ NotSent() bool }
		refused     refusal
		network     *net.OpError
		certificate *tls.CertificateVerificationError
		escape      url.EscapeError
	)
	switch {
	case errors.As(err, &held):
		return withoutURL(err)
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &network):
		return network
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &escape):
		return errors.New("the URL has a malformed escape")
	}
	return fmt.Errorf("HTTP failed (%T)", root(err))
}

// withoutURL takes off the url.Error, which prints the whole URL with its query.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func root(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}
