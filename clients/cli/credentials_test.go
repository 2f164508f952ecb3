package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// fakeKeeper notes what it is given.
type fakeKeeper struct {
	hubv1.UnimplementedCredentialServiceServer
	put     *hubv1.PutCredentialRequest
	retired *hubv1.RetireCredentialRequest
}

func (k *fakeKeeper) PutCredential(_ context.Context, in *hubv1.PutCredentialRequest) (*hubv1.CredentialVersion, error) {
	k.put = in
	return &hubv1.CredentialVersion{Connection: in.GetConnection(), Name: in.GetName(), Version: 4, State: hubv1.CredentialState_CREDENTIAL_STATE_CURRENT}, nil
}

func (*fakeKeeper) ListCredentials(_ context.Context, in *hubv1.ListCredentialsRequest) (*hubv1.ListCredentialsResponse, error) {
	return &hubv1.ListCredentialsResponse{Versions: []*hubv1.CredentialVersion{
		{Connection: in.GetConnection(), Name: "api_key " + in.GetName(), Version: 4, State: hubv1.CredentialState_CREDENTIAL_STATE_CURRENT, CreatedBy: "kim\x1b[31m"},
		{Connection: in.GetConnection(), Name: "api_key", Version: 3, State: hubv1.CredentialState_CREDENTIAL_STATE_OVERLAPPING, ExpireTime: timestamppb.Now()},
	}}, nil
}

func (k *fakeKeeper) RetireCredential(_ context.Context, in *hubv1.RetireCredentialRequest) (*hubv1.CredentialVersion, error) {
	k.retired = in
	return &hubv1.CredentialVersion{Version: in.GetVersion(), State: hubv1.CredentialState_CREDENTIAL_STATE_RETIRED}, nil
}

// serveKeeper starts a hub that keeps credentials, and returns what runs the tool with a standard input.
func serveKeeper(t *testing.T) (*fakeKeeper, func(stdin string, args ...string) (string, error)) {
	t.Helper()
	k, server := &fakeKeeper{}, grpc.NewServer()
	hubv1.RegisterCredentialServiceServer(server, k)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return k, func(stdin string, args ...string) (string, error) {
		var out bytes.Buffer
		cmd := root()
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetIn(strings.NewReader(stdin))
		cmd.SetArgs(append([]string{"connections", "credentials"}, append(args, "--hub", l.Addr().String())...))
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
}

func TestACredentialIsReadFromStandardInput(t *testing.T) {
	t.Parallel()
	k, run := serveKeeper(t)
	out, err := run("sk live\nline two\r\n\n", "set", "shop", "api_key", "--overlap", "90m")
	if err != nil || k.put.GetValue() != "sk live\nline two" || k.put.GetConnection() != "shop" || k.put.GetName() != "api_key" || k.put.GetOverlap().AsDuration() != 90*time.Minute {
		t.Errorf("%v %v", k.put.GetOverlap(), err)
	}
	if strings.Contains(out, "sk live") || !strings.Contains(out, "current") {
		t.Errorf("it prints\n%s", out)
	}
	if _, err := run("x", "set", "shop", "api_key"); err != nil || k.put.GetOverlap() != nil {
		t.Errorf("an overlap that nobody gave: %v, %v", k.put.GetOverlap(), err)
	}
	k.put = nil
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"set", "shop", "api_key"}},
		{"\n\r\n", []string{"set", "shop", "api_key"}},
		{strings.Repeat("x", 65<<10), []string{"set", "shop", "api_key"}},
		{"x", []string{"set", "shop", "api_key", "sk_in_an_argument"}},
		{"x", []string{"set", "shop"}},
	} {
		if _, err := run(c.stdin, c.args...); err == nil || k.put != nil {
			t.Errorf("%v with %.3q: %v, %v", c.args, c.stdin, err, k.put != nil)
		}
	}
}

// A file that is no terminal is read as a pipe is.
func TestACredentialIsReadFromAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("sk_of_a_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := root()
	cmd.SetIn(in)
	if got, err := readSecret(cmd); err != nil || got != "sk_of_a_file" {
		t.Errorf("%q %v", got, err)
	}
}

func TestVersionsAreListedAndRetired(t *testing.T) {
	t.Parallel()
	k, run := serveKeeper(t)
	if out, err := run("", "list", "shop", "of one"); err != nil || !strings.Contains(out, "api_key of one") || !strings.Contains(out, "overlapping") || strings.Contains(out, "\x1b") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := run("", "retire", "shop", "api_key", "v3", "--even-last"); err != nil || k.retired.GetVersion() != 3 || !k.retired.GetEvenLast() || !strings.Contains(out, "retired") {
		t.Errorf("%v %v\n%s", k.retired, err, out)
	}
	k.retired = nil
	for _, version := range []string{"x", "0", "v", "1.5"} {
		if _, err := run("", "retire", "shop", "api_key", version); err == nil || k.retired != nil {
			t.Errorf("%q is retired: %v", version, err)
		}
	}
}
