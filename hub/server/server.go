// Package server is one hub process: it joins store, queue, adapters and doors, and runs them until it is stopped.
package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.jetify.com/typeid/v2"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/deliver"
	"github.com/canonhub/canonhub/hub/drift"
	"github.com/canonhub/canonhub/hub/feed"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/oauth"
	"github.com/canonhub/canonhub/hub/pull"
	"github.com/canonhub/canonhub/hub/receive"
	"github.com/canonhub/canonhub/hub/redrive"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
	"github.com/canonhub/canonhub/hub/translate"
)

// Options set up a process.
type Options struct {
	// DatabaseURL of a PostgreSQL; it is migrated.
	DatabaseURL string
	Config      *config.Config
	// HTTPAddr and GRPCAddr are listened on; port 0 picks one.
	HTTPAddr, GRPCAddr string
	// Activate brings the configuration's policy in force even where a later version has replaced it.
	Activate bool
	// Operator is who started this, for the policy's versions.
	Operator string
	// Backoff is the first retry's upper bound; 0 means the default.
	Backoff time.Duration
	Log     *slog.Logger
}

// Server is a running hub.
type Server struct {
	Store   *store.Store
	Applier *apply.Applier

	id                  string
	log                 *slog.Logger
	queue               *jobs.Queue
	gate                *gate.Gate
	limits              *limits.Limits
	drift               *drift.Watch
	tokens              *oauth.Keeper // nil where the configuration has no keys
	credentials         *credentials.Keeper
	translator          *translate.Translator
	redriver            *redrive.Redriver
	puller              *pull.Puller
	metrics             *prometheus.Registry
	connections         connection.Set
	api                 *api.Server
	http                *http.Server
	httpListen, grpcLis net.Listener
	stopBackground      context.CancelFunc
	background          chan struct{}
}

// Start starts a hub and returns once it serves.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{id: processID(), log: o.Log}
	for _, step := range []func(context.Context, Options) error{s.open, s.wire, s.activate, s.listen, s.work} {
		if err := step(ctx, o); err != nil {
			_ = s.Stop(ctx)
			return nil, err
		}
	}
	return s, nil
}

// HTTPAddr is where webhooks, REST and the rest are served.
func (s *Server) HTTPAddr() string { return s.httpListen.Addr().String() }

// GRPCAddr is where gRPC is served.
func (s *Server) GRPCAddr() string { return s.grpcLis.Addr().String() }

// open brings up what has no dependencies: store and connections.
func (s *Server) open(ctx context.Context, o Options) error {
	if err := store.Migrate(ctx, o.DatabaseURL); err != nil {
		return err
	}
	db, err := store.Open(ctx, o.DatabaseURL, store.Options{})
	if err != nil {
		return err
	}
	s.Store = db
	s.metrics = prometheus.NewRegistry()
	metrics, err := limits.NewMetrics(s.metrics)
	if err != nil {
		return err
	}
	s.limits = limits.New(limits.Options{Store: db, Process: s.id, Log: o.Log, Metrics: metrics, Outage: o.Backoff, MaxOutage: 60 * o.Backoff})
	if s.drift, err = drift.New(db, s.metrics, o.Log); err != nil {
		return err
	}
	calls, err := newCalls(s.metrics)
	if err != nil {
		return err
	}
	box, err := openKeys(ctx, o)
	if err != nil {
		return err
	}
	if err := errors.Join(s.openTokens(o, box), s.openCredentials(o, box)); err != nil {
		return err
	}
	s.connections, err = OpenConnections(o.Config, s.limits, o.Log, func(c config.Connection, spec *connection.Spec) {
		spec.Around = around.Wrapping{Seen: s.drift.Of(c.Name), Call: calls.of(c.Name)}
		if c.OAuth != nil {
			s.addTokens(c, spec, o.Log)
		}
		s.credentials.Dress(c.Name, spec)
	})
	if err != nil {
		return err
	}
	s.credentials.Use(s.connections)
	return s.credentials.Refresh(ctx)
}

// OpenConnections opens the configured connections under limits, each dressed as it is wanted. It calls no vendor.
func OpenConnections(configured *config.Config, limits *limits.Limits, log *slog.Logger, dress func(config.Connection, *connection.Spec)) (connection.Set, error) {
	specs := make([]connection.Spec, len(configured.Connections))
	for i, c := range configured.Connections {
		spec := connection.Spec{Name: c.Name, Factory: c.Factory, Brake: connection.Brake(c.Brake), Pulls: pulls(c.Pulls),
			Receive: connection.Receive{PerSecond: c.WebhookPerSecond, Concurrency: c.WebhookConcurrency, SecretNames: c.SecretNames()},
			Limits: adapters.Limits{PerSecond: c.RequestsPerSecond, Concurrency: c.Concurrency, PerDay: c.RequestsPerDay,
				PagesPerMinute: c.PagesPerMinute}}
		client, hear := limits.Keep(c.Name, spec.Allowed(), httpapi.NewHTTPClient(httpapi.Options{Log: log, BaseURL: c.BaseURL}))
		spec.Settings = c.Settings(client, time.Now)
		spec.Settings.Observe = hear
		dress(c, &spec)
		specs[i] = spec
	}
	return connection.Open(specs)
}

func pulls(configured map[model.Kind]config.Pull) map[model.Kind]connection.Pull {
	all := make(map[model.Kind]connection.Pull, len(configured))
	for kind, p := range configured {
		all[kind] = connection.Pull{Every: p.Every, Reconcile: p.Reconcile, Overlap: p.Overlap, Silence: p.Silence, PageSize: p.PageSize,
			Vanished: connection.Finding(p.Vanished), MaxVanished: p.MaxVanished, Share: p.Share, Differences: connection.Finding(p.Differences)}
	}
	return all
}

// wire joins the ways through the house.
func (s *Server) wire(_ context.Context, o Options) error {
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	braked, err := gate.NewBraked(s.metrics)
	if err != nil {
		return err
	}
	guards, err := deliver.NewMetrics(s.metrics)
	if err != nil {
		return err
	}
	s.gate = &gate.Gate{Store: s.Store, Limits: s.limits, Now: time.Now, Log: o.Log, Braked: braked}
	s.Applier = &apply.Applier{Store: apply.In(s.Store), Connections: s.connections, NewID: newRecordID, Now: time.Now, Log: o.Log}
	s.translator = &translate.Translator{Store: s.Store, Applier: s.Applier, Connections: s.connections, Gate: s.gate, Turns: new(translate.Turns), Log: o.Log}
	deliverer := &deliver.Deliverer{Applier: s.Applier, Connections: s.connections, Gate: s.gate, NewKey: newKey, Backfilled: s.Store.Backfilled, Metrics: guards, Log: o.Log}
	lanes := make([]jobs.Lane, 0, len(s.connections))
	for _, name := range s.connections.Names() {
		lanes = append(lanes, jobs.Lane{Connection: name, Concurrency: s.connections[name].Concurrency})
	}
	s.puller = &pull.Puller{Store: s.Store, Applier: s.Applier, Connections: s.connections, Gate: s.gate, Refresher: s.translator,
		Now: time.Now, NewID: func() string { return "pull_" + randomHex(16) }, Log: o.Log}
	s.redriver = &redrive.Redriver{Store: s.Store}
	queue, err := jobs.New(s.Store, jobs.Options{
		ProcessID: s.id, Lanes: lanes, Backoff: o.Backoff, Log: o.Log,
		Handlers: jobs.Handlers{
			Translate: s.translator.Translate, Deliver: deliverer.Deliver, Redrive: s.redriver.Work, Pull: s.puller.Pull,
			Refold: func(ctx context.Context, _ jobs.RefoldArgs, _ jobs.Run) error { return s.Applier.Refold(ctx) },
			Erase:  apply.Traces(s.Store),
		},
	})
	if err != nil {
		return err
	}
	s.queue, s.gate.Queue, s.Applier.Queue, s.redriver.Queue = queue, queue, queue, queue
	return nil
}

// activate settles by which policy and with which connections this process works.
func (s *Server) activate(ctx context.Context, o Options) error {
	if err := s.offerPolicy(ctx, o); err != nil {
		return err
	}
	if err := s.Applier.Reload(ctx); err != nil {
		return err
	}
	for _, name := range s.connections.Names() {
		c := s.connections[name]
		for kind := range c.Pulls {
			if err := s.Store.RegisterPull(ctx, store.Lane{Connection: name, Kind: kind}); err != nil {
				return err
			}
		}
		if err := s.renewed(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// offerPolicy makes the configuration's policy the active one if it never was. One that was, and that a later version
// has replaced, stays replaced: a hub that is started again with an old file must not bring an old policy back, and of
// several hubs with different files each brings in its own once at most. So they cannot take turns.
func (s *Server) offerPolicy(ctx context.Context, o Options) error {
	offer := s.Store.OfferPolicy
	if o.Activate {
		offer = s.Store.ActivatePolicy
	}
	_, err := offer(ctx, PolicyOf(o.Config, o.Operator))
	if errors.Is(err, store.ErrSuperseded) {
		o.Log.Warn("the policy of this configuration is not in force: a later version has replaced it; serve --activate, or `policy activate`, brings it back",
			"config", o.Config.File, "reason", err.Error())
		return nil
	}
	return err
}

// PolicyOf is a configuration's policy, as it is activated by somebody.
func PolicyOf(c *config.Config, by string) store.Policy {
	return store.Policy{Config: c.Policies, Phases: c.Phases, ActivatedBy: by, PolicyOrigin: store.PolicyOrigin{File: c.File, Lines: c.Lines}}
}

// listen opens the doors.
func (s *Server) listen(_ context.Context, o Options) error {
	receiver := receive.New(receive.Options{Store: s.Store, Queue: s.queue, Connections: s.connections, Now: time.Now, Log: o.Log, Metrics: s.metrics})
	var err error
	s.api, err = api.New(api.Options{Store: s.Store, Applier: s.Applier, Gate: s.gate, Redriver: s.redriver, Refresher: s.translator, Connections: s.connections.Names(), Log: o.Log,
		Metrics: s.metrics, Gatherer: s.metrics, Webhooks: receiver, Grants: s.grants(), Credentials: s.kept(), Ready: s.Store.Ping, Callers: callers(o.Config.Callers),
		Policy: api.PolicyOptions{Judge: o.Config.Judge, Refold: s.queue.Refold}})
	if err != nil {
		return err
	}
	if s.httpListen, err = net.Listen("tcp", o.HTTPAddr); err != nil {
		return fmt.Errorf("--http-addr: %w", err)
	}
	if s.grpcLis, err = net.Listen("tcp", o.GRPCAddr); err != nil {
		return fmt.Errorf("--grpc-addr: %w", err)
	}
	s.http = &http.Server{Handler: s.api.HTTP(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute}
	go s.serve("http", func() error { return s.http.Serve(s.httpListen) })
	go s.serve("grpc", func() error { return s.api.GRPC().Serve(s.grpcLis) })
	return nil
}

func callers(configured []config.Caller) []api.Caller {
	var all []api.Caller
	for _, c := range configured {
		caller := api.Caller{Name: c.Name, KeySHA256: c.KeySHA256, MayWrite: map[model.Kind]bool{}, MayOperate: c.Operate, MayReadRaw: c.Raw,
			Concurrency: c.Concurrency}
		for kind, access := range c.Kinds {
			caller.MayWrite[kind] = access == config.Write
		}
		all = append(all, caller)
	}
	return all
}

func (s *Server) serve(door string, run func() error) {
	if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("door closed", "door", door, "error", err)
	}
}

// work starts the queue and what runs beside it.
func (s *Server) work(ctx context.Context, o Options) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopBackground, s.background = cancel, make(chan struct{})
	if err := s.live(background); err != nil {
		close(s.background)
		return err
	}
	if err := s.queue.Start(ctx); err != nil {
		close(s.background)
		return err
	}
	sweeper := &sweep.Sweeper{Store: s.Store, Queue: s.queue, Connections: s.connections, Gate: s.gate, Applier: s.Applier, Puller: s.puller, Drift: s.drift, Log: o.Log,
		Retention: feed.NewRetention(s.Store, o.Config.Retention.Changes, o.Log)}
	go func() {
		defer close(s.background)
		var beside sync.WaitGroup
		beside.Go(func() { s.credentials.Run(background) })
		sweeper.Run(background)
		beside.Wait()
	}()
	return nil
}

// live marks this process as living, and again whenever the mark's connection is lost.
func (s *Server) live(ctx context.Context) error {
	lost, err := s.Store.Live(ctx, s.id)
	if err != nil {
		return err
	}
	go func() {
		for ctx.Err() == nil {
			<-lost
			again, err := s.Store.Live(ctx, s.id)
			if err != nil {
				again = closedAfter(ctx, time.Second)
			}
			lost = again
		}
	}()
	return nil
}

func closedAfter(ctx context.Context, wait time.Duration) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}()
	return done
}

// Stop closes the doors, lets running work end, and closes the store. Work that has not ended when ctx does is taken up
// again by the next process.
func (s *Server) Stop(ctx context.Context) error {
	var errs []error
	if s.api != nil {
		s.api.Drain()
	}
	if s.http != nil {
		errs = append(errs, s.http.Shutdown(ctx))
	}
	if s.api != nil {
		s.api.Close()
	}
	if s.stopBackground != nil {
		errs = append(errs, s.queue.Stop(ctx))
		s.stopBackground()
		<-s.background
	}
	if s.drift != nil {
		errs = append(errs, s.drift.Flush(ctx))
	}
	if s.Store != nil {
		s.Store.Close()
	}
	return errors.Join(errs...)
}

// processID names one server among all on its database.
func processID() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), randomHex(4))
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand.Read crashes the program rather than return an error
	return hex.EncodeToString(b)
}

// newKey makes an idempotency key.
func newKey() string { return "canonhub-" + randomHex(16) }

// newRecordID makes a record's id: a TypeID, ordered by time.
func newRecordID(kind model.Kind) (store.RecordID, error) {
	id, err := typeid.Generate(string(kind))
	if err != nil {
		return "", fmt.Errorf("new record id: %w", err)
	}
	return store.RecordID(id.String()), nil
}
