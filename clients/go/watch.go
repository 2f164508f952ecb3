package canonhub

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

const (
	defaultHeartbeat = 15 * time.Second
	// silence is how much longer than a heartbeat nothing may come before the connection is taken for dead.
	silence = 10 * time.Second
	// firstPause and longestPause bound the wait before a feed is opened again.
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// WatchOptions choose what Watch yields. The zero value is all changes from now on.
type WatchOptions struct {
	// Kinds are those wanted: `customer`. None means all that the client may read.
	Kinds []string
	// Paths are attributes and groups whose changes are wanted; none means all.
	Paths []string
	// Sources are those that caused the changes wanted; none means all.
	Sources []string
	// Token goes on behind the message that had it. Empty: from now on.
	Token string
	// Snapshot begins with all records, unless a Token from behind a snapshot is given.
	Snapshot bool
	// Heartbeat is how often the hub is to be heard from where nothing changes; 0 means every 15 seconds.
	Heartbeat time.Duration
	// Retrying is told each time that the feed is to be opened again, why, and after which pause; nil for nobody.
	Retrying func(err error, pause time.Duration)
}

func (o WatchOptions) request() *hubv1.WatchRequest {
	if o.Heartbeat == 0 {
		o.Heartbeat = defaultHeartbeat
	}
	return &hubv1.WatchRequest{Kinds: o.Kinds, Paths: o.Paths, Sources: o.Sources, ResumeToken: o.Token, Snapshot: o.Snapshot,
		Heartbeat: durationpb.New(o.Heartbeat)}
}

// Watch yields a feed's messages for as long as the loop and ctx go on: changes, the records of a snapshot, its end, and
// heartbeats. Where the hub is away, or the connection is lost, it goes on behind the last message, with growing pauses.
//
// Each message has a token. A service that keeps the token of the last message it has dealt with, best in the same
// transaction, misses nothing when it starts again with that; it may see some changes twice, which their revision tells.
// Where it was away for longer than the hub keeps changes, Watch ends with an error for which IsTokenOutOfRange holds:
// begin anew with Snapshot and without a Token. What the snapshot does not have is gone.
//
// It ends with the first error that trying again cannot help, or that of ctx.
func (c *Client) Watch(ctx context.Context, o WatchOptions) iter.Seq2[*hubv1.WatchResponse, error] {
	return func(yield func(*hubv1.WatchResponse, error) bool) {
		w := &watcher{feed: hubv1.NewChangeServiceClient(c.conn), in: o.request(), yield: yield}
		for failures := 0; ; failures++ {
			heard, err := w.follow(ctx)
			if w.left {
				return
			}
			if ctx.Err() != nil || !passes(err) {
				yield(nil, watchError(ctx, err))
				return
			}
			if heard {
				failures = 0
			}
			pause := pauseBefore(failures, err)
			if o.Retrying != nil {
				o.Retrying(watchError(ctx, err), pause)
			}
			select {
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case <-time.After(pause):
			}
		}
	}
}

// watcher is one loop over a feed.
type watcher struct {
	feed  hubv1.ChangeServiceClient
	in    *hubv1.WatchRequest
	yield func(*hubv1.WatchResponse, error) bool
	left  bool // the loop was left
}

// follow yields what comes until the feed breaks off, or the loop is left.
func (w *watcher) follow(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if id := correlationID(ctx); id != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, correlationHeader, id)
	}
	stream, err := w.feed.Watch(ctx, w.in)
	if err != nil {
		return false, err
	}
	quiet := w.in.GetHeartbeat().AsDuration() + silence
	dead := time.AfterFunc(quiet, cancel)
	defer dead.Stop()
	for {
		m, err := stream.Recv()
		if err != nil {
			return heard, err
		}
		dead.Stop() // the loop may take its time
		heard, w.in.ResumeToken = true, m.GetToken()
		if w.left = !w.yield(m, nil); w.left {
			return heard, nil
		}
		dead.Reset(quiet)
	}
}

// passes says whether a feed that broke off for this error may be had again. Canceled is a connection that was silent
// for too long: that the caller's own context has ended is known before.
func passes(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.ResourceExhausted, codes.Canceled:
		return true
	}
	return errors.Is(err, io.EOF)
}

// pauseBefore is how long to wait before trying again: longer each time and up to chance, so that the clients of a hub
// that was away do not come back all at once, but not less than the hub asks for.
func pauseBefore(failures int, err error) time.Duration {
	longest := min(longestPause, firstPause<<min(failures, 10))
	return max(rand.N(longest)+1, newError(status.Convert(err), "").RetryAfter)
}

func watchError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		return errors.New("canonhub: the hub ended the feed")
	}
	return newError(status.Convert(err), correlationID(ctx))
}

// IsTokenOutOfRange says that a feed does not reach to a token any more: begin anew with a snapshot.
func IsTokenOutOfRange(err error) bool {
	return ReasonOf(err) == hubv1.ErrorReason_ERROR_REASON_TOKEN_OUT_OF_RANGE
}
