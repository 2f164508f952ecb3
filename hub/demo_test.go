package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The demo, as a user runs it, ends with status 0 and leaves nothing behind.
func TestDemoEndsInAgreement(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	demo := exec.Command(self, "demo", "--exit", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0")
	demo.Env = append(os.Environ(), asMain+"=1")
	out, err := demo.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All systems agree") {
		t.Fatalf("the demo ended with %v:\n%s", err, out)
	}
	if strings.Contains(string(out), "\x1b[") {
		t.Error("there are colours in what is no terminal")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("the demo left %v (%v)", left, err)
	}
}

func TestBadFlagsAndConfigurationsAreToldClearly(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir() + "/canonhub.yaml"
	if err := os.WriteFile(broken, []byte("connections:\n  crm:\n    adapter: nosuch\npolicies: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no configuration":    {[]string{"serve", "--config", "/nonexistent.yaml"}, "go run ./hub demo"},
		"unknown adapter":     {[]string{"check", "--config", broken}, "canonhub.yaml:3"},
		"open to the world":   {[]string{"serve", "--config", broken, "--http-addr", "0.0.0.0:8080"}, "canonhub.yaml:3"},
		"unknown command":     {[]string{"conquer"}, "unknown command"},
		"malformed log level": {[]string{"serve", "--log-level", "loud"}, "--log-level"},
	} {
		cmd := exec.Command(self, tc.args...)
		cmd.Env = append(os.Environ(), asMain+"=1")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tc.want) {
			t.Errorf("%s: ended with %v and said %q, want %q in it", name, err, out, tc.want)
		}
	}
}
