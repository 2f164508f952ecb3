// Package api is the hub's doors for callers: the gRPC services, and the HTTP side with the REST gateway, webhooks,
// health and metrics.
//
// All kinds are served by one implementation. A kind's service, requests and answers have the same shape and differ in
// names alone, so the services are built from their descriptors when the server starts (service.go), and a kind is one
// line in services. Rejected: a Go type for each service with five methods that differ in nothing but a type's name.
//
// A method of a service only translates: it reads through the store and returns Go errors, which one layer turns into
// statuses (status.go, layers.go). The gateway reaches the gRPC server over an in-memory listener, so that REST passes
// the same layers.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/test/bufconn"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/redrive"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// maxRequestBytes bounds a request: the longest has 1,000 updates.
	maxRequestBytes = 8 << 20
	// maxAnswerBytes bounds an answer: 1,000 records, of which few are longer than some kilobytes.
	maxAnswerBytes = 64 << 20
	// drainTime is how long Close waits for running calls.
	drainTime = 5 * time.Second
)

// Options set up the doors.
type Options struct {
	Store   *store.Store
	Applier *apply.Applier
	// Gate pauses connections.
	Gate *gate.Gate
	// Redriver has work done again that the hub gave up on.
	Redriver *redrive.Redriver
	// Refresher asks sources for reads that need fresher data; nil for nobody.
	Refresher Refresher
	// Connections are the names that lookups know.
	Connections []string
	Log         *slog.Logger
	Metrics     prometheus.Registerer
	// Gatherer is what /metrics shows.
	Gatherer prometheus.Gatherer
	// Webhooks takes POST and GET /webhooks/{connection}.
	Webhooks http.Handler
	// Grants begins and completes grants of access to vendors; nil where nobody does.
	Grants Grants
	// Credentials keeps what connections sign in with; nil where nobody does.
	Credentials Credentials
	// Ready says whether the hub can serve: it pings the database.
	Ready func(context.Context) error
	// Callers are those that may call; none means anyone, which is for loopback alone.
	Callers []Caller
	// Policy is what the policy's service knows of the hub.
	Policy PolicyOptions
	// Hosts are names, beside those of loopback, by which the HTTP side may be called while it is bound to loopback.
	Hosts []string
}

// Grants begins grants of access to vendors. Vendors send people back to GET /oauth/callback, which it serves.
type Grants interface {
	http.Handler
	// Begin gives the page to which a person goes; oauth.ErrNoClient where the connection is not one that a person grants
	// access to.
	Begin(ctx context.Context, connection, by string) (url string, err error)
}

// Credentials keeps credentials and webhook secrets of connections, in versions.
type Credentials interface {
	Put(context.Context, credentials.Put) (store.Credential, error)
	Versions(context.Context, store.CredentialKey) ([]store.Credential, error)
	Retire(context.Context, credentials.Retire) (store.Credential, error)
}

// Server is the doors. It listens nowhere itself: serve GRPC and HTTP where they belong.
type Server struct {
	grpc    *grpc.Server
	http    http.Handler
	health  *health.Server
	gateway *gateway
	// stop ends the streams.
	stop context.CancelFunc
}

// New builds the doors.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("api: validator: %w", err)
	}
	metrics, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	callers, err := newCallers(o.Callers)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	layers := []layer{correlate, metrics.observe, newStatuses(o.Log).translate, recoverPanic, callers.authenticate}
	calls := append(slices.Clip(layers), timed, fairly(o.Callers))
	stopping, stop := context.WithCancel(context.Background())
	streams := append(slices.Clip(layers), ending(stopping))
	s := &Server{health: health.NewServer(), stop: stop, grpc: grpc.NewServer(
		grpc.ChainUnaryInterceptor(unary(calls), validate(validator)),
		grpc.ChainStreamInterceptor(stream(streams), validateStream(validator)),
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.MaxSendMsgSize(maxAnswerBytes),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 15 * time.Minute, Time: 2 * time.Minute, Timeout: 20 * time.Second}),
	)}
	if err := s.register(o); err != nil {
		stop()
		return nil, fmt.Errorf("api: %w", err)
	}
	healthpb.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	memory := bufconn.Listen(1 << 20)
	go func() { _ = s.grpc.Serve(memory) }() // ends with Close
	if s.gateway, err = newGateway(memory, stopping, o.Log); err != nil {
		s.Close()
		return nil, err
	}
	s.http = doors(o, s.gateway)
	return s, nil
}

// register serves all services.
func (s *Server) register(o Options) error {
	for _, r := range services {
		service, err := r.service()
		if err != nil {
			return err
		}
		if err := r.serve(o, s.grpc); err != nil {
			return err
		}
		s.health.SetServingStatus(string(service.FullName()), healthpb.HealthCheckResponse_SERVING)
	}
	return nil
}

func (o Options) check() error {
	if o.Store == nil || o.Applier == nil || o.Gate == nil || o.Redriver == nil || o.Log == nil || o.Metrics == nil || o.Gatherer == nil || o.Webhooks == nil || o.Ready == nil {
		return errors.New("api: Store, Applier, Gate, Redriver, Log, Metrics, Gatherer, Webhooks and Ready are needed")
	}
	return nil
}

// GRPC is the gRPC server. The caller serves it on a listener; Close stops it.
func (s *Server) GRPC() *grpc.Server { return s.grpc }

// HTTP is the handler of the HTTP port.
func (s *Server) HTTP() http.Handler { return s.http }

// Drain says that nothing is served any more, and ends the streams, so that the HTTP server's end need not wait for them.
func (s *Server) Drain() {
	s.health.Shutdown()
	s.stop()
}

// Close drains, waits a while for running calls, and ends what is left. Stop the HTTP server first: its requests need the
// gateway.
func (s *Server) Close() {
	s.Drain()
	if s.gateway != nil {
		s.gateway.close()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.grpc.GracefulStop()
	}()
	select {
	case <-done:
	case <-time.After(drainTime):
		s.grpc.Stop()
	}
}
