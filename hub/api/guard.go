package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// guard keeps web pages out that a person on this machine may have open. A page can point a name of its own at
// 127.0.0.1 (DNS rebinding), and is then of the same origin as we are: on loopback, only names that no page can own are
// answered. It can also send requests without reading the answers: those that change something need an origin that is
// ours (Sec-Fetch-Site, Origin).
func guard(hosts []string, next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if onLoopback(r) && !isLocalName(r.Host) && !slices.Contains(hosts, hostOf(r.Host)) {
			plain(w, http.StatusMisdirectedRequest, "canonhub answers on loopback by the name localhost or the address alone\n")
			return
		}
		sameOrigin.ServeHTTP(w, r)
	})
}

// onLoopback says that the request came to a loopback address. One that does not tell is taken for such.
func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	addr, err := netip.ParseAddrPort(local.String())
	return err != nil || addr.Addr().Unmap().IsLoopback()
}

// hostOf is a Host header without its port, in lower case.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func isLocalName(host string) bool {
	name := hostOf(host)
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
