package httpapi

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// isPrivate says whether a base URL's host is an address of the house itself.
func isPrivate(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || err == nil && private(ip)
}

// internal are the ranges that no vendor on the internet has, beyond those that netip knows by name
// (https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6). Clouds put services of the house
// into some of them.
var internal = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4", "192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10")

// embedding are the ranges of IPv6 addresses that lead to the IPv4 address in them, and at which byte that begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // RFC 2765, as translators still take it
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

func private(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return true
	}
	for _, e := range embedding {
		if e.prefix.Contains(ip) {
			bytes := ip.As16()
			return private(netip.AddrFrom4([4]byte(bytes[e.at : e.at+4])))
		}
	}
	return slices.ContainsFunc(internal, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// publicOnly judges the address that is dialled, after its name was looked up.
func publicOnly(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || private(target.Addr()) {
		return refusal("the vendor's name leads to the private address " + address + "; set base_url to it if that is meant")
	}
	return nil
}
