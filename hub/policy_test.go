package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/canonhub/canonhub/adapters/catalog"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/server"
)

// policyConfig leaves open who is heard first.
const policyConfig = `
connections:
  stripe: {adapter: stripe, base_url: "http://127.0.0.1:1", credentials: {api_key: "${file:key}"}}
  crm: {adapter: hubspot, base_url: "http://127.0.0.1:1", credentials: {access_token: "${file:key}"}}
policies:
  customer:
    create: [stripe, crm]
    match: [email]
    attributes:
      "*": {prefer: [%s]}
    targets:
      crm: {create: true, attributes: ["*"]}
`

// yard is a database and configurations in files.
type yard struct {
	t        *testing.T
	dir      string
	database string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{t: t, dir: t.TempDir(), database: hubtest.Database(t)}
	y.write("key", "secret")
	return y
}

func (y *yard) write(name, text string) string {
	y.t.Helper()
	name = filepath.Join(y.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	return name
}

// preferring writes a configuration whose sources are heard in an order.
func (y *yard) preferring(sources string) string {
	return y.write(strings.ReplaceAll(sources, ", ", "-")+".yaml", fmt.Sprintf(policyConfig, sources))
}

// hub starts a hub, which is stopped with the test, or before.
func (y *yard) hub(file string, o server.Options) *server.Server {
	y.t.Helper()
	loaded, err := config.Load(file, config.Options{Factories: catalog.All()})
	if err != nil {
		y.t.Fatal(err)
	}
	o.DatabaseURL, o.Config, o.HTTPAddr, o.GRPCAddr, o.Operator = y.database, loaded, "127.0.0.1:0", "127.0.0.1:0", "tester"
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := server.Start(context.Background(), o)
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { y.stop(s) })
	return s
}

func (y *yard) stop(s *server.Server) {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		y.t.Error(err)
	}
}

// run runs a command of the program.
func (y *yard) run(args ...string) (string, error) {
	y.t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetArgs(append(args, "--database-url", y.database))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(y.t.Context())
	return out.String(), err
}

func (y *yard) must(args ...string) string {
	y.t.Helper()
	out, err := y.run(args...)
	if err != nil {
		y.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// first is whose word counts first in the version that a hub folds by.
func (y *yard) first(s *server.Server) string {
	y.t.Helper()
	p, err := s.Store.PolicyVersion(context.Background(), s.Applier.Active().Version)
	if err != nil {
		y.t.Fatal(err)
	}
	return p.Config["customer"].GetAttributes()["*"].GetPrefer()[0]
}

// Hubs that are started again and again with files of different ages must not take turns in activating them.
func TestAHubWithAnOldFileBringsNoOldPolicyBack(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	older, newer := y.preferring("stripe, crm"), y.preferring("crm, stripe")
	var log bytes.Buffer
	for i, step := range []struct {
		file     string
		activate bool
		version  int64
		first    string
	}{
		{older, false, 1, "stripe"}, // the first there is
		{older, false, 1, "stripe"}, // nothing new
		{newer, false, 2, "crm"},    // a new file is taken
		{older, false, 2, "crm"},    // an old one is not
		{newer, false, 2, "crm"},
		{older, true, 3, "stripe"}, // unless it is wanted
		{newer, false, 3, "stripe"},
	} {
		log.Reset()
		s := y.hub(step.file, server.Options{Activate: step.activate, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if got := s.Applier.Active().Version; got != step.version || y.first(s) != step.first {
			t.Errorf("step %d: version %d, %s first; want %d, %s", i, got, y.first(s), step.version, step.first)
		}
		y.stop(s)
		if warned := strings.Contains(log.String(), "not in force"); warned != !strings.Contains(step.file, step.first+"-") {
			t.Errorf("step %d: warned %t: %s", i, warned, log.String())
		}
	}
}

func TestPoliciesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	older, newer := y.preferring("stripe, crm"), y.preferring("crm, stripe")
	running := y.hub(older, server.Options{})

	report := y.must("plan", "--config", newer)
	_, digest, found := strings.Cut(report, "apply --plan ")
	if digest = strings.TrimSpace(digest); !found || len(digest) != 32 || running.Applier.Active().Version != 1 {
		t.Fatalf("the plan:\n%s", report)
	}
	if out, err := y.run("apply", "--config", older, "--plan", digest); err == nil || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("another file than the planned one: %v %s", err, out)
	}
	y.must("apply", "--config", newer, "--plan", digest, "--comment", "the crm knows better")
	y.until("the running hub follows", func() bool { return running.Applier.Active().Version == 2 && y.first(running) == "crm" })

	if out, err := y.run("apply", "--config", newer, "--plan", digest); err == nil || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("the plan is used up: %v %s", err, out)
	}
	y.must("plan", "--config", older, "--apply", "--comment", "no, it does not")
	y.must("policy", "activate", "2", "--config", older)
	list := y.must("policy", "list", "--limit", "3")
	lines := strings.Split(strings.TrimSpace(list), "\n")
	for i, want := range [][]string{{"VERSION"}, {"4 (active)", "version 2", operator()}, {"3 ", "version 1", "no, it does not"}, {"2 ", newer, "the crm knows better"}} {
		for _, text := range want {
			if len(lines) != 4 || !strings.Contains(lines[i], text) {
				t.Fatalf("line %d of the list lacks %q:\n%s", i, text, list)
			}
		}
	}
	if report := y.must("plan", "--version", "1", "--config", newer); !strings.Contains(report, "version 4") {
		t.Errorf("a plan of version 1:\n%s", report)
	}
	for _, args := range [][]string{{"policy", "activate", "x"}, {"policy", "activate", "99", "--config", newer}, {"apply", "--config", newer},
		{"plan", "--config", newer, "--comment", "x"}, {"plan", "--config", newer, "--samples", "-1"}} {
		if out, err := y.run(args...); err == nil {
			t.Errorf("%v: no error: %s", args, out)
		}
	}
	y.until("the running hub follows again", func() bool { return running.Applier.Active().Version == 4 && y.first(running) == "crm" })
}

// A policy over RPC may name no source that the hub does not have.
func TestAPolicyOverRPCMustSuitTheHub(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	running := y.hub(y.preferring("stripe, crm"), server.Options{})
	conn, err := grpc.NewClient(running.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	activate := func(source string) error {
		_, err := hubv1.NewPolicyServiceClient(conn).ActivatePolicy(t.Context(), &hubv1.ActivatePolicyRequest{Policy: &hubv1.ActivatePolicyRequest_Content{
			Content: &hubv1.PolicyContent{Policies: map[string]*configv1.KindPolicy{"customer": {Attributes: map[string]*configv1.Rule{"*": {Prefer: []string{source}}}}}}}})
		return err
	}
	if err := activate("erp"); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), `no connection or caller "erp"`) {
		t.Errorf("a source that the hub does not have: %v", err)
	}
	if err := activate("crm"); err != nil || running.Applier.Active().Version != 2 || y.first(running) != "crm" {
		t.Errorf("a source that it has: %v, version %d", err, running.Applier.Active().Version)
	}
}

func (y *yard) until(what string, holds func() bool) {
	y.t.Helper()
	deadline, tick := time.NewTimer(time.Minute), time.NewTicker(10*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			y.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}
