package signature_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

const tolerance = 5 * time.Minute

var (
	first   = adapters.NewSecret("whsec_first")
	second  = adapters.NewSecret("whsec_second")
	both    = []adapters.Secret{first, second}
	signing = time.Unix(1762074000, 0)
	event   = []byte(`{"id":"evt_1","type":"customer.updated"}`)
)

// By: printf '%s' '1762074000.{"id":"evt_1","type":"customer.updated"}' | openssl dgst -sha256 -hmac whsec_first
const (
	byFirst  = "840577177e1d47d7a90dbc13be63db7f02b946db936385d5c28d9f3d48b0a28c"
	bySecond = "80e3caaced3aa6aae3b99d8a5f02d58cbba7a34a301fb0f17195b75df001ca25"
)

func TestStripeSignatureByOpenSSL(t *testing.T) {
	t.Parallel()
	if got, want := signature.SignStripe(event, first, signing), "t=1762074000,v1="+byFirst; got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
	for name, header := range map[string]string{
		"one":                     "t=1762074000,v1=" + byFirst,
		"by the second secret":    "t=1762074000,v1=" + bySecond,
		"both, while rotating":    "t=1762074000,v1=" + bySecond + ",v1=" + byFirst,
		"after one of a stranger": "t=1762074000,v1=" + strings.Repeat("00", 32) + ",v1=" + byFirst,
		"after one undecodable":   "t=1762074000,v1=zz,v1=" + byFirst,
		"after one empty":         "t=1762074000,v1=,v1=" + byFirst,
		"beside other schemes":    "t=1762074000,v0=6ffbb59b,v1=" + byFirst + ",v2=new,unknown=1",
		"time last":               "v1=" + byFirst + ",t=1762074000",
	} {
		if _, err := signature.VerifyStripe(header, event, both, signing, tolerance); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStripeRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	good := "t=1762074000,v1=" + byFirst
	for name, c := range map[string]struct {
		header  string
		body    string
		secrets []adapters.Secret
		now     time.Time
		want    error
	}{
		"no header":             {header: "", want: signature.ErrMissing},
		"no v1":                 {header: "t=1762074000", want: signature.ErrMissing},
		"v0 alone":              {header: "t=1762074000,v0=" + byFirst, want: signature.ErrMissing},
		"undecodable v1 alone":  {header: "t=1762074000,v1=" + byFirst[1:], want: signature.ErrMissing},
		"no time":               {header: "v1=" + byFirst, want: signature.ErrMalformed},
		"time no number":        {header: "t=now,v1=" + byFirst, want: signature.ErrMalformed},
		"time with a sign":      {header: "t=+1762074000,v1=" + byFirst, want: signature.ErrMalformed},
		"time negative":         {header: "t=-1762074000,v1=" + byFirst, want: signature.ErrMalformed},
		"time with a fraction":  {header: "t=1762074000.0,v1=" + byFirst, want: signature.ErrMalformed},
		"time out of range":     {header: "t=99999999999999999999,v1=" + byFirst, want: signature.ErrMalformed},
		"no pair":               {header: good + ",junk", want: signature.ErrMalformed},
		"comma at the end":      {header: good + ",", want: signature.ErrMalformed},
		"two equal signs":       {header: "t=1762074000,v1==" + byFirst, want: signature.ErrMalformed},
		"huge":                  {header: good + strings.Repeat(",v1="+byFirst, 100), want: signature.ErrMalformed},
		"other time":            {header: "t=1762074001,v1=" + byFirst, want: signature.ErrMismatch},
		"time with zeros":       {header: "t=01762074000,v1=" + byFirst, want: signature.ErrMismatch},
		"cut short":             {header: "t=1762074000,v1=" + byFirst[2:], want: signature.ErrMismatch},
		"other body":            {header: good, body: `{"id":"evt_2"}`, want: signature.ErrMismatch},
		"other secret":          {header: good, secrets: []adapters.Secret{second}, want: signature.ErrMismatch},
		"no secret":             {header: good, secrets: []adapters.Secret{}, want: signature.ErrMismatch},
		"empty secret":          {header: signature.SignStripe(event, adapters.NewSecret(""), signing), secrets: []adapters.Secret{{}, adapters.NewSecret("")}, want: signature.ErrMismatch},
		"just too old":          {header: good, now: signing.Add(tolerance + time.Nanosecond), want: signature.ErrExpired},
		"just too far in front": {header: good, now: signing.Add(-tolerance - time.Nanosecond), want: signature.ErrExpired},
		"years in front":        {header: signature.SignStripe(event, first, time.Unix(1<<62, 0)), want: signature.ErrExpired},
		"at the beginning":      {header: signature.SignStripe(event, first, time.Unix(0, 0)), want: signature.ErrExpired},
	} {
		body, secrets, now := event, both, signing
		if c.body != "" {
			body = []byte(c.body)
		}
		if c.secrets != nil {
			secrets = c.secrets
		}
		if !c.now.IsZero() {
			now = c.now
		}
		if _, err := signature.VerifyStripe(c.header, body, secrets, now, tolerance); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for _, now := range []time.Time{signing.Add(tolerance), signing.Add(-tolerance)} {
		if _, err := signature.VerifyStripe(good, event, both, now, tolerance); err != nil {
			t.Errorf("at the edge of the tolerance: %v", err)
		}
	}
}

// Stripe's own library agrees in both directions, but for the future.
func TestStripeSignatureByStripesOwnLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		secret := rapid.StringN(1, 60, -1).Draw(t, "secret")
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0)

		theirs := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at})
		if _, err := signature.VerifyStripe(theirs.Header, body, []adapters.Secret{adapters.NewSecret(secret)}, at, tolerance); err != nil {
			t.Fatalf("theirs refused: %v", err)
		}
		ours := signature.SignStripe(body, adapters.NewSecret(secret), at)
		if err := webhook.ValidatePayloadIgnoringTolerance(body, ours, secret); err != nil {
			t.Fatalf("ours refused: %v", err)
		}
	})
}

func TestStripeRefusesEveryTamperedByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body")
		header := signature.SignStripe(body, first, signing)
		switch rapid.SampledFrom([]string{"header", "change", "drop", "add"}).Draw(t, "what") {
		case "header":
			header = string(tampered(t, []byte(header)))
		case "change":
			body = tampered(t, body)
		case "drop":
			body = body[1:]
		case "add":
			body = append(body, rapid.Byte().Draw(t, "more"))
		}
		if _, err := signature.VerifyStripe(header, body, both, signing, tolerance); err == nil {
			t.Fatalf("accepted %q for %q", header, body)
		}
	})
}

// tampered changes one byte to another that is not the same letter in the other case, since hex has no case.
func tampered(t *rapid.T, text []byte) []byte {
	out := append([]byte(nil), text...)
	i := rapid.IntRange(0, len(out)-1).Draw(t, "position")
	out[i] = rapid.Byte().Filter(func(b byte) bool { return b|0x20 != text[i]|0x20 }).Draw(t, "byte")
	return out
}

// Whatever we let pass, Stripe's library lets pass too; whatever comes, nothing breaks and no error quotes it.
func FuzzStripeHeader(f *testing.F) {
	for _, seed := range []string{"", "t=1762074000,v1=" + byFirst, "t=1,v1=zz", "v1=,t=", "t=1762074000,v1=" + byFirst + ",v0=x", ",,,", "===", "t=" + strings.Repeat("9", 40)} {
		f.Add(seed, event)
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		_, err := signature.VerifyStripe(header, body, both, signing, tolerance)
		if err == nil {
			if theirs := webhook.ValidatePayloadIgnoringTolerance(body, header, "whsec_first"); theirs != nil && webhook.ValidatePayloadIgnoringTolerance(body, header, "whsec_second") != nil {
				t.Fatalf("accepted %q: %v", header, theirs)
			}
			return
		}
		checkError(t, err, header)
	})
}

func checkError(t *testing.T, err error, header string) {
	t.Helper()
	known := errors.Is(err, signature.ErrMissing) || errors.Is(err, signature.ErrMalformed) || errors.Is(err, signature.ErrExpired) || errors.Is(err, signature.ErrMismatch)
	if !known || len(header) > 20 && strings.Contains(fmt.Sprint(err), header) || len(err.Error()) > 200 {
		t.Fatalf("for %q: %v", header, err)
	}
	if strings.Contains(err.Error(), hex.EncodeToString([]byte(first.Reveal()))) || strings.Contains(err.Error(), first.Reveal()) {
		t.Fatalf("a secret is told: %v", err)
	}
}
