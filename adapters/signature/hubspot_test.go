package signature_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

var client = []adapters.Secret{adapters.NewSecret("old-secret"), adapters.NewSecret("client-secret")}

// By: printf '%s' 'POST<url><body>1762074000123' | openssl dgst -sha256 -hmac client-secret -binary | base64
const (
	contacts      = `[{"objectId":9100000000000001,"propertyValue":"Grüße"}]`
	plainURL      = "https://hooks.example.com/webhooks/crm"
	bySecret      = "RXIifNRlQm9MTfWN4sPYxCVmDmfAaMmKns8hOKQK9g4="
	decodedURL    = "https://hooks.example.com/webhooks/crm?to=a:/?@!$'()*,;&keep=%20%26%3D%2B%25"
	byDecodedURL  = "X2+Ug4qeSzax9Gyg1FWg+ZJWgEgzZgNfikjKdQk0KSg="
	escapedURL    = "https://hooks.example.com/webhooks/crm?to=a%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B&keep=%20%26%3D%2B%25"
	verbatimURL   = "https://hooks.example.com/webhooks/crm?to=%3A%2F"
	byVerbatimURL = "QUkfT34DYVy/VrtxH4JwstMvuHAjmHPDETPcbTSj1qM="
)

var hubSpotTime = time.UnixMilli(1762074000123)

func request() signature.HubSpotRequest {
	return signature.HubSpotRequest{Method: "POST", URL: plainURL, Body: []byte(contacts), Timestamp: "1762074000123", Signature: bySecret}
}

// What HubSpot's own libraries for Python and Ruby are tested with.
func TestHubSpotSignatureByHubSpotsOwnLibraries(t *testing.T) {
	t.Parallel()
	secret := adapters.NewSecret("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy")
	for timestamp, want := range map[string]string{
		"1693657560000": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
		"1700000300000": "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw=",
	} {
		r := signature.HubSpotRequest{Method: "POST", URL: "https://www.example.com/webhook_uri",
			Body: []byte("{'example_field':'example_value'}"), Timestamp: timestamp, Signature: want}
		if got := signature.SignHubSpotV3(r.Method, r.URL, r.Body, timestamp, secret); got != want {
			t.Errorf("signed %s, want %s", got, want)
		}
		millis, _ := strconv.ParseInt(timestamp, 10, 64)
		if _, err := signature.VerifyHubSpotV3(r, []adapters.Secret{secret}, time.UnixMilli(millis), tolerance); err != nil {
			t.Error(err)
		}
	}
}

func TestHubSpotSignatureByOpenSSL(t *testing.T) {
	t.Parallel()
	for url, mac := range map[string]string{
		plainURL: bySecret, decodedURL: byDecodedURL, escapedURL: byDecodedURL, strings.ToLower(escapedURL): byDecodedURL,
		verbatimURL: byVerbatimURL, // as HubSpot's libraries read their own page
	} {
		r := request()
		r.URL, r.Signature = url, mac
		if url == strings.ToLower(escapedURL) {
			r.Signature = signature.SignHubSpotV3("POST", strings.ReplaceAll(decodedURL, "%3D%2B", "%3d%2b"), r.Body, r.Timestamp, client[1])
		}
		if _, err := signature.VerifyHubSpotV3(r, client, hubSpotTime, tolerance); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if got := signature.SignHubSpotV3("POST", escapedURL, []byte(contacts), "1762074000123", client[1]); got != byDecodedURL {
		t.Errorf("signed %s, want %s", got, byDecodedURL)
	}
}

func TestHubSpotDecodesEachEscapeOnceAndNoOther(t *testing.T) {
	t.Parallel()
	sign := func(url string) string {
		return signature.SignHubSpotV3("POST", url, nil, "1762074000123", client[1])
	}
	for escaped, plain := range map[string]string{
		"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
	} {
		if sign("https://h/?q="+escaped) != sign("https://h/?q="+plain) {
			t.Errorf("%s is not decoded", escaped)
		}
	}
	for escaped, plain := range map[string]string{"%20": " ", "%26": "&", "%3D": "=", "%2B": "+", "%25": "%", "%23": "#", "%253A": "%3A", "%C3%BC": "ü"} {
		if sign("https://h/?q="+escaped) == sign("https://h/?q="+plain) {
			t.Errorf("%s is decoded", escaped)
		}
	}
}

func TestHubSpotRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*signature.HubSpotRequest)
		want   error
	}{
		"no signature":          {func(r *signature.HubSpotRequest) { r.Signature = "" }, signature.ErrMissing},
		"no time":               {func(r *signature.HubSpotRequest) { r.Timestamp = "" }, signature.ErrMissing},
		"huge":                  {func(r *signature.HubSpotRequest) { r.Signature = strings.Repeat("A", 1<<20) }, signature.ErrMalformed},
		"no base64":             {func(r *signature.HubSpotRequest) { r.Signature = "***" }, signature.ErrMalformed},
		"base64 with a line":    {func(r *signature.HubSpotRequest) { r.Signature = bySecret + "\n" }, signature.ErrMalformed},
		"base64 with a blank":   {func(r *signature.HubSpotRequest) { r.Signature = " " + bySecret }, signature.ErrMalformed},
		"base64 with loose end": {func(r *signature.HubSpotRequest) { r.Signature = bySecret[:42] + "5=" }, signature.ErrMalformed},
		"base64 for URLs": {func(r *signature.HubSpotRequest) {
			r.URL, r.Signature = decodedURL, strings.ReplaceAll(byDecodedURL, "+", "-")
		}, signature.ErrMalformed},
		"cut short":         {func(r *signature.HubSpotRequest) { r.Signature = bySecret[:40] }, signature.ErrMismatch},
		"time no number":    {func(r *signature.HubSpotRequest) { r.Timestamp = "yesterday" }, signature.ErrMalformed},
		"time with a sign":  {func(r *signature.HubSpotRequest) { r.Timestamp = "+1762074000123" }, signature.ErrMalformed},
		"time out of range": {func(r *signature.HubSpotRequest) { r.Timestamp = strings.Repeat("9", 30) }, signature.ErrMalformed},
		"other time":        {func(r *signature.HubSpotRequest) { r.Timestamp = "1762074000124" }, signature.ErrMismatch},
		"time in seconds":   {func(r *signature.HubSpotRequest) { r.Timestamp = "1762074000" }, signature.ErrMismatch},
		"other method":      {func(r *signature.HubSpotRequest) { r.Method = "PUT" }, signature.ErrMismatch},
		"other scheme":      {func(r *signature.HubSpotRequest) { r.URL = "http" + strings.TrimPrefix(r.URL, "https") }, signature.ErrMismatch},
		"slash at the end":  {func(r *signature.HubSpotRequest) { r.URL += "/" }, signature.ErrMismatch},
		"other body":        {func(r *signature.HubSpotRequest) { r.Body = []byte("[]") }, signature.ErrMismatch},
	} {
		r := request()
		c.change(&r)
		if _, err := signature.VerifyHubSpotV3(r, client, hubSpotTime, tolerance); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for name, secrets := range map[string][]adapters.Secret{"other": {adapters.NewSecret("other")}, "none": nil, "empty": {{}}} {
		if _, err := signature.VerifyHubSpotV3(request(), secrets, hubSpotTime, tolerance); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("%s secret: %v", name, err)
		}
	}
}

func TestHubSpotBoundsTimeInBothDirections(t *testing.T) {
	t.Parallel()
	for offset, ok := range map[time.Duration]bool{
		0: true, tolerance: true, -tolerance: true, tolerance + time.Millisecond: false, -tolerance - time.Millisecond: false, 8760 * time.Hour: false,
	} {
		_, err := signature.VerifyHubSpotV3(request(), client, hubSpotTime.Add(offset), tolerance)
		if ok && err != nil || !ok && !errors.Is(err, signature.ErrExpired) {
			t.Errorf("%s later: %v", offset, err)
		}
	}
}

func TestHubSpotRefusesEveryTamperedByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := request()
		r.Body = rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body")
		r.Signature = signature.SignHubSpotV3(r.Method, r.URL, r.Body, r.Timestamp, client[0])
		if _, err := signature.VerifyHubSpotV3(r, client, hubSpotTime, tolerance); err != nil {
			t.Fatalf("refused untouched: %v", err)
		}
		switch rapid.SampledFrom([]string{"method", "url", "body", "time", "signature"}).Draw(t, "what") {
		case "method":
			r.Method = string(tampered(t, []byte(r.Method)))
		case "url":
			r.URL = string(tampered(t, []byte(r.URL)))
		case "body":
			r.Body = tampered(t, r.Body)
		case "time":
			r.Timestamp = string(tampered(t, []byte(r.Timestamp)))
		case "signature":
			r.Signature = string(tampered(t, []byte(r.Signature)))
		}
		if _, err := signature.VerifyHubSpotV3(r, client, hubSpotTime, tolerance); err == nil {
			t.Fatalf("accepted %+v", r)
		}
	})
}

func FuzzHubSpotHeaders(f *testing.F) {
	f.Add(bySecret, "1762074000123", []byte(contacts))
	for _, seed := range []string{"", "=", "A", "AAAA", bySecret + bySecret, strings.Repeat("9", 40)} {
		f.Add(seed, seed, []byte(contacts))
	}
	f.Fuzz(func(t *testing.T, sign, timestamp string, body []byte) {
		r := signature.HubSpotRequest{Method: "POST", URL: plainURL, Body: body, Timestamp: timestamp, Signature: sign}
		_, err := signature.VerifyHubSpotV3(r, client, hubSpotTime, tolerance)
		if err != nil {
			checkError(t, err, sign)
			return
		}
		if sign != signature.SignHubSpotV3("POST", plainURL, body, timestamp, client[0]) && sign != signature.SignHubSpotV3("POST", plainURL, body, timestamp, client[1]) {
			t.Fatalf("accepted %q at %q", sign, timestamp)
		}
	})
}
