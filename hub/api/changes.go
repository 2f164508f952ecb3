package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/feed"
	"github.com/canonhub/canonhub/hub/model"
)

// maxStreams is how many feeds one caller may follow at a time in one process.
const maxStreams = 16

// changes serves the feed.
type changes struct {
	hubv1.UnimplementedChangeServiceServer
	feed   *feed.Feed
	shapes map[model.Kind]*changeShape

	mu      sync.Mutex
	streams map[string]int // by caller; empty where none are configured
}

func serveChanges(o Options, to grpc.ServiceRegistrar) error {
	s := &changes{feed: feed.New(o.Store, o.Log), shapes: map[model.Kind]*changeShape{}, streams: map[string]int{}}
	change := (*hubv1.Change)(nil).ProtoReflect().Type()
	for _, kind := range model.Kinds() {
		shape, err := newChangeShape(kind, change, protoreflect.Name(kind))
		if err != nil {
			return err
		}
		s.shapes[kind] = shape
	}
	hubv1.RegisterChangeServiceServer(to, s)
	return nil
}

// Watch tells of changes for as long as its caller stays.
func (s *changes) Watch(in *hubv1.WatchRequest, out grpc.ServerStreamingServer[hubv1.WatchResponse]) error {
	caller := callerOf(out.Context())
	query, err := feedQuery(in, caller)
	if err != nil {
		return err
	}
	leave, err := s.enter(caller)
	if err != nil {
		return err
	}
	defer leave()
	return feedFailure(s.feed.Follow(out.Context(), query, func(e feed.Event) error { return out.Send(s.message(e)) }))
}

// feedQuery is what the caller asks for, of what it may read.
func feedQuery(in *hubv1.WatchRequest, caller *Caller) (feed.Query, error) {
	q := feed.Query{Paths: in.GetPaths(), Sources: in.GetSources(), Token: in.GetResumeToken(), Snapshot: in.GetSnapshot(),
		Heartbeat: in.GetHeartbeat().AsDuration()}
	for _, name := range in.GetKinds() {
		kind := model.Kind(name)
		if !caller.Reads(kind) {
			return q, notAllowed(caller, "read", kind)
		}
		q.Kinds = append(q.Kinds, kind)
	}
	if len(q.Kinds) == 0 {
		q.Kinds = slices.DeleteFunc(model.Kinds(), func(kind model.Kind) bool { return !caller.Reads(kind) })
	}
	if len(q.Kinds) == 0 {
		return q, &failure{reason: hubv1.ErrorReason_ERROR_REASON_NOT_ALLOWED, metadata: map[string]string{"caller": caller.Name},
			message: fmt.Sprintf("the caller %s may read no kind; kinds in the configuration's callers says who may", caller.Name)}
	}
	return q, checkFeedPaths(q)
}

// checkFeedPaths refuses paths that none of the kinds has: nothing would ever be told of them.
func checkFeedPaths(q feed.Query) error {
	for _, path := range q.Paths {
		known := slices.ContainsFunc(q.Kinds, func(kind model.Kind) bool { return named(model.For(kind), path) })
		if !known {
			return invalidField("paths", fmt.Sprintf("%q is no attribute or group of %v", path, q.Kinds))
		}
	}
	return nil
}

// named says whether a kind has an attribute or a group of that name.
func named(schema *model.Schema, path string) bool {
	return slices.Contains(schema.Fields(), strings.TrimSuffix(path, ".*")) || schema.Check(model.Path(path)) == nil
}

// enter counts a caller's streams.
func (s *changes) enter(caller *Caller) (leave func(), err error) {
	name := ""
	if caller != nil {
		name = caller.Name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[name] == maxStreams {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_TOO_MANY_STREAMS, metadata: map[string]string{"caller": name},
			message: fmt.Sprintf("the caller follows %d feeds already, as many as it may; one feed can tell of several kinds", maxStreams)}
	}
	s.streams[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.streams[name]--
	}, nil
}

// message is an event as callers see it.
func (s *changes) message(e feed.Event) *hubv1.WatchResponse {
	m := &hubv1.WatchResponse{Token: e.Token}
	switch e.Told {
	case feed.Changed:
		m.Event = &hubv1.WatchResponse_Change{Change: s.change(e)}
	case feed.Snapshotted:
		m.Event = &hubv1.WatchResponse_Snapshot{Snapshot: s.change(e)}
	case feed.SnapshotEnded:
		m.Event = &hubv1.WatchResponse_SnapshotEnd{SnapshotEnd: &hubv1.SnapshotEnd{Records: e.Records}}
	default:
		m.Event = &hubv1.WatchResponse_Heartbeat{Heartbeat: &hubv1.Heartbeat{}}
	}
	return m
}

func (s *changes) change(e feed.Event) *hubv1.Change {
	c, _ := s.shapes[e.Change.Kind].of(e.Change).(*hubv1.Change) // as serveChanges has made the shapes
	c.Kind, c.Id = string(e.Change.Kind), string(e.Change.RecordID)
	return c
}

// feedFailure is an error of the feed as callers are told it.
func feedFailure(err error) error {
	switch {
	case errors.Is(err, feed.ErrToken):
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_RESUME_TOKEN, field: "resume_token",
			message: "the resume token was not made by this hub's feed; begin without one, or with snapshot"}
	case errors.Is(err, feed.ErrRange):
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_TOKEN_OUT_OF_RANGE,
			message: err.Error() + "; begin anew without a resume_token, with snapshot: true"}
	}
	return err
}

// messageType finds the Go type of a message.
func messageType(of protoreflect.MessageDescriptor) (protoreflect.MessageType, error) {
	if of == nil {
		return nil, errors.New("a field that should be a message is none")
	}
	return protoregistry.GlobalTypes.FindMessageByName(of.FullName())
}
