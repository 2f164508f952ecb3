package api

import (
	"context"
	"errors"
	"maps"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/oauth"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// connections is the ConnectionService.
type connections struct {
	hubv1.UnimplementedConnectionServiceServer
	*reader
	gate   *gate.Gate
	grants Grants
}

func serveConnections(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterConnectionServiceServer(to, &connections{reader: newReader(o), gate: o.Gate, grants: o.Grants})
	return nil
}

// ListConnections reads all connections.
func (s *connections) ListConnections(ctx context.Context, _ *hubv1.ListConnectionsRequest) (*hubv1.ListConnectionsResponse, error) {
	stored, err := s.store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	brakes, err := s.store.BrakesOn(ctx)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListConnectionsResponse{}
	for _, name := range slices.Sorted(maps.Keys(s.connections)) {
		at := slices.IndexFunc(stored, func(c store.Connection) bool { return c.Name == name })
		state := store.Connection{Name: name}
		if at >= 0 {
			state = stored[at]
		}
		c, err := s.connection(ctx, state, brakes)
		if err != nil {
			return nil, err
		}
		out.Connections = append(out.Connections, c)
	}
	return out, nil
}

// GetConnection reads one connection.
func (s *connections) GetConnection(ctx context.Context, in *hubv1.GetConnectionRequest) (*hubv1.Connection, error) {
	return s.read(ctx, in.GetName())
}

// PauseConnection stops all calls to a connection.
func (s *connections) PauseConnection(ctx context.Context, in *hubv1.PauseConnectionRequest) (*hubv1.Connection, error) {
	return s.order(ctx, in.GetName(), in.GetReason(), s.gate.Pause)
}

// ResumeConnection takes up its work again.
func (s *connections) ResumeConnection(ctx context.Context, in *hubv1.ResumeConnectionRequest) (*hubv1.Connection, error) {
	return s.order(ctx, in.GetName(), in.GetReason(), s.gate.Resume)
}

// AuthorizeConnection begins a grant of access.
func (s *connections) AuthorizeConnection(ctx context.Context, in *hubv1.AuthorizeConnectionRequest) (*hubv1.AuthorizeConnectionResponse, error) {
	name := in.GetName()
	if !s.reader.connections[name] {
		return nil, connectionNotFound(name)
	}
	none := &failure{reason: hubv1.ErrorReason_ERROR_REASON_NO_OAUTH, message: oauth.ErrNoClient.Error(), metadata: map[string]string{"connection": name}}
	if s.grants == nil {
		return nil, none
	}
	at, err := s.grants.Begin(ctx, name, actorOf(ctx))
	if errors.Is(err, oauth.ErrNoClient) {
		return nil, none
	}
	return &hubv1.AuthorizeConnectionResponse{Url: at}, err
}

func (s *connections) order(ctx context.Context, name, why string, do func(context.Context, string, gate.Order) error) (*hubv1.Connection, error) {
	if !s.reader.connections[name] {
		return nil, connectionNotFound(name)
	}
	if err := do(ctx, name, gate.Order{By: actorOf(ctx), Why: why}); err != nil {
		return nil, err
	}
	return s.read(ctx, name)
}

func (s *connections) read(ctx context.Context, name string) (*hubv1.Connection, error) {
	if !s.reader.connections[name] {
		return nil, connectionNotFound(name)
	}
	stored, err := s.store.Connection(ctx, name)
	if err != nil {
		return nil, err
	}
	brakes, err := s.store.BrakesOn(ctx)
	if err != nil {
		return nil, err
	}
	return s.connection(ctx, stored, brakes)
}

func (s *connections) connection(ctx context.Context, stored store.Connection, brakes []*store.Brake) (*hubv1.Connection, error) {
	active, err := s.policy(ctx)
	if err != nil {
		return nil, err
	}
	load, err := s.store.Load(ctx, stored.Name)
	if err != nil {
		return nil, err
	}
	out := &hubv1.Connection{Name: stored.Name, Pace: stored.Pace, Phase: phases[active.Policy.Phase(stored.Name)], Deliveries: &hubv1.DeliveryCounts{
		Owed: int64(load.Deliveries[store.Owed]), Blocked: int64(load.Deliveries[store.Blocked]), Dead: int64(load.Deliveries[store.Dead])}}
	if c := s.applier.Connections[stored.Name]; c != nil {
		out.Adapter = c.AdapterName
	}
	if stored.Paused() {
		out.Pause = &hubv1.ConnectionPause{PauseTime: timestamppb.New(stored.PausedAt), Reason: stored.PausedReason, PausedBy: stored.PausedBy}
	}
	if stored.Wait > 0 {
		out.Wait = durationpb.New(stored.Wait)
	}
	if stored.Outages > 0 {
		out.Outage = &hubv1.ConnectionOutage{StartTime: timestamppb.New(stored.BrokenAt), Tries: int32(stored.Outages)}
	}
	for _, b := range brakes {
		if b.Connection == stored.Name {
			out.Brakes = append(out.Brakes, &hubv1.ConnectionBrake{Kind: string(b.Kind), Path: string(b.Attribute), BrakeTime: timestamppb.New(b.BrakedAt)})
		}
	}
	for _, kind := range model.Kinds() {
		if callerOf(ctx).Reads(kind) && load.Links[kind] > 0 {
			out.Links = append(out.Links, &hubv1.LinkCount{Kind: string(kind), Live: int64(load.Links[kind])})
		}
	}
	return out, nil
}

// policy is the one in force; this process takes it from the store where it has not yet.
func (s *connections) policy(ctx context.Context) (*apply.Active, error) {
	if active := s.applier.Active(); active != nil {
		return active, nil
	}
	if err := s.applier.Reload(ctx); err != nil {
		return nil, err
	}
	return s.applier.Active(), nil
}

var phases = map[policy.Phase]hubv1.ConnectionPhase{
	policy.Linking: hubv1.ConnectionPhase_CONNECTION_PHASE_LINKING,
	policy.Shadow:  hubv1.ConnectionPhase_CONNECTION_PHASE_SHADOW,
	policy.Live:    hubv1.ConnectionPhase_CONNECTION_PHASE_LIVE,
}
