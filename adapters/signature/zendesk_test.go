package signature_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

// The secret that Zendesk signs tests with before a webhook is saved. It looks like base64 and is used as it stands.
var zendeskSecrets = []adapters.Secret{adapters.NewSecret("old-secret"), adapters.NewSecret("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==")}

// By: printf '%s' '<time><body>' | openssl dgst -sha256 -hmac <secret> -binary | base64
const (
	ticketEvent     = `{"type":"zen:event-type:ticket.created","detail":{"id":"35436","subject":"Grüße"}}`
	ticketStamp     = "2026-11-02T09:00:00Z"
	byTicketSecret  = "3Q2p3SQsxdqjxKvKT8YEkGFSV6gcTNVen8AOuqDrQEo="
	byObsoleteOrder = "Zx9ydypFjmiUY5A1Jlxnek4/oAHJ5vQ8PkoUnfG9eyg="
	byNoBody        = "SHbWHEeft42lX7kOTjsxFX+vDwpJRcB3oxaizR+eOiY="
)

var zendeskTime = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func zendeskRequest() signature.ZendeskRequest {
	return signature.ZendeskRequest{Body: []byte(ticketEvent), Timestamp: ticketStamp, Signature: byTicketSecret}
}

func TestZendeskSignatureByOpenSSL(t *testing.T) {
	t.Parallel()
	if told, err := signature.VerifyZendesk(zendeskRequest(), zendeskSecrets, zendeskTime, tolerance); err != nil || told != 1 {
		t.Errorf("told secret %d, %v", told, err)
	}
	if got := signature.SignZendesk([]byte(ticketEvent), ticketStamp, zendeskSecrets[1]); got != byTicketSecret {
		t.Errorf("signed %s, want %s", got, byTicketSecret)
	}
	// A request without a body has the time alone signed.
	if _, err := signature.VerifyZendesk(signature.ZendeskRequest{Timestamp: ticketStamp, Signature: byNoBody}, zendeskSecrets, zendeskTime, tolerance); err != nil {
		t.Error(err)
	}
}

func TestZendeskRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*signature.ZendeskRequest)
		want   error
	}{
		"no signature":       {func(r *signature.ZendeskRequest) { r.Signature = "" }, signature.ErrMissing},
		"no time":            {func(r *signature.ZendeskRequest) { r.Timestamp = "" }, signature.ErrMissing},
		"huge":               {func(r *signature.ZendeskRequest) { r.Signature = strings.Repeat("A", 1<<20) }, signature.ErrMalformed},
		"huge time":          {func(r *signature.ZendeskRequest) { r.Timestamp = strings.Repeat("2", 1<<20) }, signature.ErrMalformed},
		"no base64":          {func(r *signature.ZendeskRequest) { r.Signature = "***" }, signature.ErrMalformed},
		"base64 with a line": {func(r *signature.ZendeskRequest) { r.Signature = byTicketSecret + "\n" }, signature.ErrMalformed},
		"hex":                {func(r *signature.ZendeskRequest) { r.Signature = strings.Repeat("ab", 32) }, signature.ErrMismatch},
		"the obsolete order": {func(r *signature.ZendeskRequest) { r.Signature = byObsoleteOrder }, signature.ErrMismatch},
		"time no time":       {func(r *signature.ZendeskRequest) { r.Timestamp = "yesterday" }, signature.ErrMalformed},
		"time as a number":   {func(r *signature.ZendeskRequest) { r.Timestamp = "1762074000" }, signature.ErrMalformed},
		"another time":       {func(r *signature.ZendeskRequest) { r.Timestamp = "2026-11-02T09:00:01Z" }, signature.ErrMismatch},
		"the time in a zone": {func(r *signature.ZendeskRequest) { r.Timestamp = "2026-11-02T10:00:00+01:00" }, signature.ErrMismatch},
		"another body":       {func(r *signature.ZendeskRequest) { r.Body = []byte("{}") }, signature.ErrMismatch},
		"no body":            {func(r *signature.ZendeskRequest) { r.Body = nil }, signature.ErrMismatch},
		"a blank at its end": {func(r *signature.ZendeskRequest) { r.Body = append(r.Body, ' ') }, signature.ErrMismatch},
		"time moved to body": {func(r *signature.ZendeskRequest) {
			r.Timestamp, r.Body = "2026-11-02T09:00:00", append([]byte("Z"), r.Body...)
		}, signature.ErrMalformed},
		"signature cut short": {func(r *signature.ZendeskRequest) { r.Signature = byTicketSecret[:40] }, signature.ErrMismatch},
	} {
		r := zendeskRequest()
		c.change(&r)
		if _, err := signature.VerifyZendesk(r, zendeskSecrets, zendeskTime, tolerance); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for name, secrets := range map[string][]adapters.Secret{"other": {adapters.NewSecret("other")}, "none": nil, "empty": {{}}} {
		if _, err := signature.VerifyZendesk(zendeskRequest(), secrets, zendeskTime, tolerance); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("%s secret: %v", name, err)
		}
	}
}

func TestZendeskBoundsTimeInBothDirections(t *testing.T) {
	t.Parallel()
	for offset, ok := range map[time.Duration]bool{
		0: true, tolerance: true, -tolerance: true, tolerance + time.Second: false, -tolerance - time.Second: false, 8760 * time.Hour: false,
	} {
		_, err := signature.VerifyZendesk(zendeskRequest(), zendeskSecrets, zendeskTime.Add(offset), tolerance)
		if ok && err != nil || !ok && !errors.Is(err, signature.ErrExpired) {
			t.Errorf("%s later: %v", offset, err)
		}
	}
}

func TestZendeskRefusesEveryTamperedByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := zendeskRequest()
		r.Body = rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body")
		r.Signature = signature.SignZendesk(r.Body, r.Timestamp, zendeskSecrets[0])
		if _, err := signature.VerifyZendesk(r, zendeskSecrets, zendeskTime, tolerance); err != nil {
			t.Fatalf("refused untouched: %v", err)
		}
		switch rapid.SampledFrom([]string{"body", "time", "signature"}).Draw(t, "what") {
		case "body":
			r.Body = tampered(t, r.Body)
		case "time":
			r.Timestamp = string(tampered(t, []byte(r.Timestamp)))
		case "signature":
			r.Signature = string(tampered(t, []byte(r.Signature)))
		}
		if _, err := signature.VerifyZendesk(r, zendeskSecrets, zendeskTime, tolerance); err == nil {
			t.Fatalf("accepted %+v", r)
		}
	})
}

func FuzzZendeskHeaders(f *testing.F) {
	f.Add(byTicketSecret, ticketStamp, []byte(ticketEvent))
	for _, seed := range []string{"", "=", "A", "AAAA", byTicketSecret + byTicketSecret, "2026-11-02T09:00:00.5+14:00", strings.Repeat("9", 40)} {
		f.Add(seed, seed, []byte(ticketEvent))
	}
	f.Fuzz(func(t *testing.T, sign, timestamp string, body []byte) {
		_, err := signature.VerifyZendesk(signature.ZendeskRequest{Body: body, Timestamp: timestamp, Signature: sign}, zendeskSecrets, zendeskTime, tolerance)
		if err != nil {
			checkError(t, err, sign)
			return
		}
		if sign != signature.SignZendesk(body, timestamp, zendeskSecrets[0]) && sign != signature.SignZendesk(body, timestamp, zendeskSecrets[1]) {
			t.Fatalf("accepted %q at %q", sign, timestamp)
		}
	})
}
