package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// fakeHub has 2,500 dead letters and notes what is asked.
type fakeHub struct {
	hubv1.UnimplementedDeadLetterServiceServer
	pages     []int32
	key       string
	redriven  *hubv1.RedriveDeadLettersRequest
	discarded int
}

const there = 2500

func (h *fakeHub) ListDeadLetters(ctx context.Context, in *hubv1.ListDeadLettersRequest) (*hubv1.ListDeadLettersResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	h.key = strings.Join(headers["authorization"], ",")
	h.pages = append(h.pages, in.GetPageSize())
	from := len(in.GetPageToken()) // the token is as long as what was listed
	out := &hubv1.ListDeadLettersResponse{}
	for i := from; i < min(there, from+int(in.GetPageSize())); i++ {
		out.DeadLetters = append(out.DeadLetters, &hubv1.DeadLetter{Id: int64(i + 1), Connection: "crm", ReceiptId: "r", Reason: "\x1b[31mred\x1b[0m\nline\tcell"})
	}
	if to := from + len(out.DeadLetters); to < there {
		out.NextPageToken = strings.Repeat("x", to)
	}
	return out, nil
}

func (h *fakeHub) RedriveDeadLetters(_ context.Context, in *hubv1.RedriveDeadLettersRequest) (*hubv1.RedriveDeadLettersResponse, error) {
	h.redriven = in
	return &hubv1.RedriveDeadLettersResponse{}, nil
}

func (h *fakeHub) DiscardDeadLetters(context.Context, *hubv1.DiscardDeadLettersRequest) (*hubv1.DiscardDeadLettersResponse, error) {
	n := min(1000, there-h.discarded)
	h.discarded += n
	return &hubv1.DiscardDeadLettersResponse{Discarded: int32(n)}, nil
}

// fakeDrift has 150 differences, and gives as many pages of them as are asked for.
type fakeDrift struct {
	hubv1.UnimplementedDriftServiceServer
}

func (fakeDrift) ListDrift(_ context.Context, in *hubv1.ListDriftRequest) (*hubv1.ListDriftResponse, error) {
	out := &hubv1.ListDriftResponse{}
	from := len(in.GetPageToken())
	for i := from; i < min(150, from+int(in.GetPageSize())); i++ {
		out.Drift = append(out.Drift, &hubv1.Drift{Connection: in.GetConnection(), Kind: "customer", Change: "unknown_field", Path: "a\x1b[31m", Seen: 7})
	}
	if to := from + len(out.Drift); to < 150 {
		out.NextPageToken = strings.Repeat("x", to)
	}
	return out, nil
}

func TestDriftIsListed(t *testing.T) {
	t.Parallel()
	_, run := serve(t)
	for limit, rows := range map[string]int{"100": 100, "0": 150} {
		out, err := run("drift", "list", "shop", "--limit", limit)
		if err != nil || strings.Count(out, "unknown_field") != rows || strings.Contains(out, "there are more") != (rows < 150) || strings.Contains(out, "\x1b") {
			t.Errorf("--limit %s: %d rows, %v", limit, strings.Count(out, "unknown_field"), err)
		}
	}
}

// serve starts a fake hub and returns what runs the tool against it.
func serve(t *testing.T) (*fakeHub, func(args ...string) (string, error)) {
	t.Helper()
	h, server := &fakeHub{}, grpc.NewServer()
	hubv1.RegisterDeadLetterServiceServer(server, h)
	hubv1.RegisterDriftServiceServer(server, fakeDrift{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return h, func(args ...string) (string, error) {
		var out bytes.Buffer
		cmd := root()
		cmd.SetOut(&out)
		cmd.SetArgs(append(args, "--hub", l.Addr().String()))
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
}

func TestListsReadAsManyPagesAsTheyNeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit string
		rows  int
		pages []int32
		more  bool
	}{
		{"1", 1, []int32{1}, true},
		{"1500", 1500, []int32{1000, 500}, true},
		{"2500", 2500, []int32{1000, 1000, 500}, false},
		{"0", 2500, []int32{1000, 1000, 1000}, false},
	} {
		h, run := serve(t)
		out, err := run("dead-letters", "list", "--limit", c.limit)
		if err != nil || strings.Count(out, "receipt r") != c.rows || strings.Contains(out, "there are more") != c.more {
			t.Errorf("--limit %s: %d rows, %v", c.limit, strings.Count(out, "receipt r"), err)
		}
		for i := range c.pages {
			if len(h.pages) != len(c.pages) || h.pages[i] != c.pages[i] {
				t.Errorf("--limit %s: pages of %v, want %v", c.limit, h.pages, c.pages)
				break
			}
		}
		if out, err = run("dead-letters", "list", "--limit", c.limit, "-o", "json"); err != nil || strings.Count(out, "\n") != c.rows {
			t.Errorf("--limit %s: %d lines of JSON, %v", c.limit, strings.Count(out, "\n"), err)
		}
	}
}

// A vendor's words must not steer the operator's terminal, nor break the table.
func TestVendorsWordsAreMadeHarmless(t *testing.T) {
	t.Parallel()
	_, run := serve(t)
	out, err := run("dead-letters", "list", "--limit", "1")
	if err != nil || strings.Contains(out, "\x1b") || !strings.Contains(out, "�[31mred�[0m line cell") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestTheKeyComesFromAFile(t *testing.T) {
	t.Parallel()
	h, run := serve(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("secret-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run("dead-letters", "list", "--api-key-file", file); err != nil || h.key != "Bearer secret-key" {
		t.Errorf("the hub was given %q, %v", h.key, err)
	}
}

func TestManyAreSettledByAFilter(t *testing.T) {
	t.Parallel()
	h, run := serve(t)
	if _, err := run("dead-letters", "redrive", "--connection", "crm", "--subject", "delivery", "--since", "24h", "--rate", "2.5", "--why", "mended"); err != nil {
		t.Fatal(err)
	}
	if r := h.redriven; r.GetRate() != 2.5 || r.GetWhy() != "mended" || r.GetFilter().GetConnection() != "crm" || r.GetFilter().GetSince() == nil ||
		r.GetFilter().GetSubject() != hubv1.DeadLetterSubject_DEAD_LETTER_SUBJECT_DELIVERY {
		t.Errorf("%v", r)
	}
	if out, err := run("dead-letters", "discard", "--all", "--why", "made up"); err != nil || !strings.Contains(out, "2500") || h.discarded != there {
		t.Errorf("%s, %v", out, err)
	}
}

// A hub that is not there is told by its address, and a group by itself tells what it can do.
func TestWithoutAHubTheAddressIsTold(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	var out bytes.Buffer
	cmd := root()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"connections", "list", "--hub", nobody, "--timeout", "5s"})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "no hub answers at "+nobody) {
		t.Errorf("%v", err)
	}
	cmd = root()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"connections"})
	if err := cmd.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "canonhub connections [command]") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// Nothing is guessed: what is not plainly said is not done.
func TestMistakesAreToldAndNothingIsDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"dead-letters", "redrive"}, "say which"},
		{[]string{"dead-letters", "redrive", "1", "--all"}, "not both"},
		{[]string{"dead-letters", "redrive", "1", "two"}, `"two" is no number`},
		{[]string{"dead-letters", "discard", "--all"}, "--why"},
		{[]string{"dead-letters", "discard", "--since", "yesterday", "--why", "x"}, "--since"},
		{[]string{"dead-letters", "list", "--subject", "record"}, "receipt, delivery"},
		{[]string{"dead-letters", "list", "--limit", "-1"}, "--limit"},
		{[]string{"dead-letters", "list", "--output", "yaml"}, "table, json"},
		{[]string{"dead-letters", "list", "--api-key-file", "/nowhere/key"}, "--api-key-file"},
		{[]string{"pulls", "start", "crm", "customer", "everything"}, "backfill, changes, reconcile"},
		{[]string{"connections", "pause", "crm"}, "why"},
		{[]string{"dead-letters", "redrive", "1", "--rate", "5"}, "--rate"},
		{[]string{"dead-letters", "redrive", "--all", "--rate", "0"}, "--rate"},
		{[]string{"dead-letters", "redrive", "--all", "--rate", "NaN"}, "--rate"},
		{[]string{"dead-letters", "lst"}, `"lst" is no command`},
		{[]string{"connections", "7"}, `"7" is no command`},
		{[]string{"bogus"}, "bogus"},
	} {
		h, run := serve(t)
		if _, err := run(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
		if h.redriven != nil || h.discarded > 0 {
			t.Errorf("%v did something", c.args)
		}
	}
}
