package canonhub

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Option changes how Dial connects.
type Option func(*settings)

type settings struct {
	timeout  time.Duration
	tls      *tls.Config
	insecure bool
	anywhere bool
	apiKey   *string
	dial     []grpc.DialOption
	local    bool // the target is on this machine
}

// WithTLS sets how the hub's certificate is judged: its roots, its name, our own certificate.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.tls = config.Clone() }
}

// WithInsecure speaks to the hub in the clear. Only a target on this machine may be: loopback, or a Unix socket.
func WithInsecure() Option {
	return func(s *settings) { s.insecure = true }
}

// WithInsecureAnywhere speaks in the clear to whatever target: everybody on the way can read and change all records.
func WithInsecureAnywhere() Option {
	return func(s *settings) { s.insecure, s.anywhere = true, true }
}

// WithAPIKey sends a caller's key with every call. In the clear it is sent to targets on this machine alone.
func WithAPIKey(key string) Option {
	return func(s *settings) { s.apiKey = &key }
}

// WithTimeout sets the deadline of calls whose context has none, instead of 10 seconds.
func WithTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.timeout = timeout }
}

// WithDialOptions adds options of gRPC itself: tracing, a dialer.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// check refuses settings that are dangerous or contradict each other.
func (s *settings) check(target string) error {
	switch {
	case s.timeout <= 0:
		return fmt.Errorf("WithTimeout(%v): a call must be given some time", s.timeout)
	case s.insecure && s.tls != nil:
		return errors.New("WithTLS and WithInsecure exclude each other")
	case s.insecure && !s.local && !s.anywhere:
		return fmt.Errorf("WithInsecure: %s is not on this machine; use TLS, or say WithInsecureAnywhere", target)
	case s.apiKey != nil && s.insecure && !s.local:
		return fmt.Errorf("WithAPIKey: the key would be sent in the clear to %s; use TLS", target)
	case s.apiKey != nil && !sendable(*s.apiKey):
		return errors.New("WithAPIKey: the key is empty, or has characters that a header cannot carry")
	}
	return nil
}

func sendable(key string) bool {
	return key != "" && strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func (s *settings) transport() credentials.TransportCredentials {
	if s.insecure {
		return insecure.NewCredentials()
	}
	config := s.tls
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return credentials.NewTLS(config)
}

// IsLocal says that a target in gRPC's notation is on this machine.
func IsLocal(target string) bool {
	scheme, rest, found := strings.Cut(target, ":")
	switch {
	case !found:
		return isLocalHost(target)
	case scheme == "unix" || scheme == "unix-abstract":
		return true
	case scheme == "dns" || scheme == "passthrough" || scheme == "ipv4" || scheme == "ipv6":
		if afterSlashes, ok := strings.CutPrefix(rest, "//"); ok { // //AUTHORITY/ENDPOINT
			var authority string
			if authority, rest, _ = strings.Cut(afterSlashes, "/"); authority != "" {
				return false // a name server of somebody's choice may say anything
			}
		}
		for endpoint := range strings.SplitSeq(rest, ",") {
			if !isLocalHost(endpoint) {
				return false
			}
		}
		return true
	}
	return isLocalHost(target)
}

func isLocalHost(endpoint string) bool {
	host := endpoint
	if name, _, err := net.SplitHostPort(endpoint); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
