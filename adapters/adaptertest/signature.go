package adaptertest

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
)

var signatureChecks = []check{
	{"AcceptsASignedWebhook", needs(adapters.Webhooks), acceptsASignedWebhook},
	{"RefusesATamperedBody", needs(adapters.Webhooks), refusesATamperedBody},
	{"RefusesAnOldTime", needs(adapters.Webhooks), refusesAnOldTime},
	{"RefusesAFutureTime", needs(adapters.Webhooks), refusesAFutureTime},
	{"RefusesAnotherSecret", needs(adapters.Webhooks), refusesAnotherSecret},
	{"AcceptsEachOfTwoSecrets", needs(adapters.Webhooks), acceptsEachOfTwoSecrets},
	{"RefusesASecretThatWasTakenAway", needs(adapters.Webhooks), refusesATakenSecret},
	{"RefusesEverythingWithoutASecret", needs(adapters.Webhooks), refusesEverythingWithoutASecret},
	{"RefusesAMissingHeader", needs(adapters.Webhooks), refusesAMissingHeader},
	{"RefusesABrokenHeader", needs(adapters.Webhooks), refusesABrokenHeader},
	{"CaseCountsUnlessTheSignatureIsHex", needs(adapters.Webhooks), caseCounts},
	{"AHugeBodyIsJudgedInTime", needs(adapters.Webhooks), hugeBody},
	{"HandshakesAreTold", needs(adapters.Webhooks), handshakesAreTold},
	{"AcceptsTheSandboxsWebhooks", needs(adapters.Webhooks), acceptsTheSandboxsWebhooks},
}

// signed is an adapter without a sandbox, and a good webhook for it.
type signed struct {
	webhook  adapters.Webhook
	settings adapters.Settings
	body     []byte
}

func (s Suite) signed(t testing.TB) signed {
	t.Helper()
	if s.Sign == nil {
		t.Fatal("the Suite lacks Sign, which an adapter with a Webhook needs")
	}
	settings := s.settings(nil)
	return signed{s.unconnected(t, settings).Webhook, settings, s.goldenBodies(t)[0].input}
}

// by signs the good webhook with one secret, and has it arrive now.
func (g signed) by(s Suite, secret adapters.Secret, at time.Time) adapters.Delivery {
	d := s.Sign(g.settings, slices.Clone(g.body), secret, at)
	d.ReceivedAt = still
	return d
}

func (g signed) good(s Suite) adapters.Delivery { return g.by(s, g.settings.WebhookSecrets[0], still) }

func (g signed) mustRefuse(t testing.TB, what string, d adapters.Delivery) {
	t.Helper()
	_, err := g.webhook.Verify(d)
	if err == nil {
		t.Errorf("accepted: %s", what)
		return
	}
	for _, leak := range append(texts(g.settings), string(g.body)) {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("%s: the error quotes a secret or the body: %v", what, err)
		}
	}
	if len(err.Error()) > 500 {
		t.Errorf("%s: the error is %d bytes long", what, len(err.Error()))
	}
}

func acceptsASignedWebhook(t testing.TB, s Suite) {
	g := s.signed(t)
	for _, offset := range []time.Duration{0, -time.Minute, time.Minute} {
		if _, err := g.webhook.Verify(g.by(s, g.settings.WebhookSecrets[0], still.Add(offset))); err != nil {
			t.Errorf("refused, signed %s from now: %v", offset, err)
		}
	}
}

func refusesATamperedBody(t testing.TB, s Suite) {
	g := s.signed(t)
	whole := g.good(s).Body
	stride := 1 + len(whole)/500
	for i := 0; i < len(whole); i += stride {
		d := g.good(s)
		d.Body[i] ^= 1
		g.mustRefuse(t, "a changed byte", d)
	}
	for what, body := range map[string][]byte{
		"a blank at the end": append(slices.Clone(whole), ' '), "a cut end": whole[:len(whole)-1], "no body": nil, "another body": []byte(`{"id":"evt_other"}`),
	} {
		d := g.good(s)
		d.Body = body
		g.mustRefuse(t, what, d)
	}
}

func refusesAnOldTime(t testing.TB, s Suite) {
	g := s.signed(t)
	for _, age := range []time.Duration{time.Hour, 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
		g.mustRefuse(t, age.String()+" old", g.by(s, g.settings.WebhookSecrets[0], still.Add(-age)))
	}
}

func refusesAFutureTime(t testing.TB, s Suite) {
	g := s.signed(t)
	for _, ahead := range []time.Duration{time.Hour, 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
		g.mustRefuse(t, ahead.String()+" ahead", g.by(s, g.settings.WebhookSecrets[0], still.Add(ahead)))
	}
}

func refusesAnotherSecret(t testing.TB, s Suite) {
	g := s.signed(t)
	for _, text := range []string{"another-secret", strings.ToUpper(g.settings.WebhookSecrets[0].Reveal()), "x"} {
		g.mustRefuse(t, "signed with another secret", g.by(s, adapters.NewSecret(text), still))
	}
}

func acceptsEachOfTwoSecrets(t testing.TB, s Suite) {
	g := s.signed(t)
	for i, secret := range g.settings.WebhookSecrets {
		if told, err := g.webhook.Verify(g.by(s, secret, still)); err != nil || told != i {
			t.Errorf("signed with secret %d of %d: told that it was %d, %v", i+1, len(g.settings.WebhookSecrets), told+1, err)
		}
	}
}

// The end of a rotation.
func refusesATakenSecret(t testing.TB, s Suite) {
	g := s.signed(t)
	taken := g.settings.WebhookSecrets[0]
	settings := g.settings
	settings.WebhookSecrets = settings.WebhookSecrets[1:]
	g.webhook = s.unconnected(t, settings).Webhook
	g.mustRefuse(t, "signed with a secret that was taken away", g.by(s, taken, still))
	if told, err := g.webhook.Verify(g.by(s, settings.WebhookSecrets[0], still)); err != nil || told != 0 {
		t.Errorf("signed with the secret that is left: told that it was number %d, %v", told+1, err)
	}
}

// longHex is a digest as hex.
var longHex = regexp.MustCompile(`\b([0-9a-fA-F]{2}){20,}\b`)

// Hex is the same in either case; base64 is not.
func caseCounts(t testing.TB, s Suite) {
	g := s.signed(t)
	for _, name := range g.signatureHeaders(s) {
		whole := g.good(s).Header.Get(name)
		if !strings.ContainsAny(whole, "abcdefABCDEF") {
			continue // digits, as of a time stamp
		}
		d := g.good(s)
		d.Header = d.Header.Clone()
		if !longHex.MatchString(whole) {
			d.Header.Set(name, swapCase(whole))
			g.mustRefuse(t, name+" in another case", d)
			continue
		}
		for _, turn := range []func(string) string{strings.ToUpper, strings.ToLower} {
			d.Header.Set(name, longHex.ReplaceAllStringFunc(whole, turn))
			if _, err := g.webhook.Verify(d); err != nil {
				t.Errorf("%s with its hex as %s: %v", name, d.Header.Get(name), err)
			}
		}
	}
}

func swapCase(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsUpper(c) {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}, text)
}

// The door lets in no more than this; whatever it is, an answer is due within seconds.
func hugeBody(t testing.TB, s Suite) {
	g := s.signed(t)
	g.body = append(slices.Clone(g.body), bytes.Repeat([]byte(" "), 4<<20)...)
	if _, err := g.webhook.Verify(g.good(s)); err != nil {
		t.Errorf("refused with 4 MiB of blanks behind it: %v", err)
	}
	for what, body := range map[string][]byte{
		"brackets": bytes.Repeat([]byte("["), 4<<20), "objects": bytes.Repeat([]byte(`{"a":`), 1<<19), "events": append(append([]byte("["), bytes.Repeat([]byte("{},"), 1<<20)...), "{}]"...),
		"a long text": append(append([]byte(`{"id":"`), bytes.Repeat([]byte("x"), 4<<20)...), `"}`...), "elements": bytes.Repeat([]byte("<a>"), 1<<20), "commas": bytes.Repeat([]byte(","), 4<<20),
	} {
		g.body = body
		begin := time.Now()
		d := g.good(s)
		d.Body[len(d.Body)-1] ^= 1
		g.mustRefuse(t, what+", tampered", d)
		events, err := g.webhook.Split(g.good(s))
		if err == nil && len(events) > 100_000 {
			t.Errorf("4 MiB of %s are %d events", what, len(events))
		}
		if took := time.Since(begin); took > patience {
			t.Errorf("4 MiB of %s took %s", what, took)
		}
	}
}

// A handshake is what the Suite says, and no delivery is taken for one.
func handshakesAreTold(t testing.TB, s Suite) {
	g := s.signed(t)
	a := s.unconnected(t, g.settings)
	if a.Acknowledger != nil {
		if answer := a.Acknowledger.Acknowledge(g.good(s)); answer.Status != 0 && answer.Status/100 != 2 {
			t.Errorf("what is stored is answered with status %d", answer.Status)
		}
	}
	if a.Handshaker == nil {
		if len(s.Handshakes) > 0 {
			t.Error("the Suite has handshakes, and the adapter has no Handshaker")
		}
		t.Log("declared: no Handshaker")
		return
	}
	if len(s.Handshakes) == 0 {
		t.Error("the adapter has a Handshaker, and the Suite no Handshakes")
	}
	for i, one := range s.Handshakes {
		answer, is := a.Handshaker.Handshake(one.Delivery)
		if diff := cmp.Diff(one.Answer, answer); !is || diff != "" {
			t.Errorf("Handshakes[%d] is taken for one: %v (- want, + answered): %s", i, is, diff)
		}
	}
	for _, body := range s.goldenBodies(t) {
		g.body = body.input
		if _, is := a.Handshaker.Handshake(g.good(s)); is {
			t.Errorf("%s is taken for a handshake: its events would be lost", body.name)
		}
	}
}

func refusesEverythingWithoutASecret(t testing.TB, s Suite) {
	g := s.signed(t)
	for what, secrets := range map[string][]adapters.Secret{"none": nil, "an empty one": {adapters.NewSecret("")}} {
		settings := s.settings(nil)
		settings.WebhookSecrets = secrets
		a, err := s.Factory.Open(settings)
		if err != nil || a.Webhook == nil {
			continue // refused before anything could come
		}
		d := s.Sign(settings, slices.Clone(g.body), adapters.NewSecret(""), still)
		d.ReceivedAt = still
		if _, err := a.Webhook.Verify(d); err == nil {
			t.Errorf("with %s configured, a webhook signed with an empty secret is accepted", what)
		}
	}
}

// Every header is taken away in turn; those without which the webhook is refused are the signature's.
func refusesAMissingHeader(t testing.TB, s Suite) {
	g := s.signed(t)
	if len(g.signatureHeaders(s)) == 0 {
		t.Error("accepted without any one of its headers")
	}
	d := g.good(s)
	d.Header = http.Header{}
	g.mustRefuse(t, "without headers", d)
	d.Header = nil
	g.mustRefuse(t, "with nil for headers", d)
}

func (g signed) signatureHeaders(s Suite) []string {
	var needed []string
	for name := range g.good(s).Header {
		d := g.good(s)
		d.Header = d.Header.Clone()
		d.Header.Del(name)
		if _, err := g.webhook.Verify(d); err != nil {
			needed = append(needed, name)
		}
	}
	return needed
}

func refusesABrokenHeader(t testing.TB, s Suite) {
	g := s.signed(t)
	for _, name := range g.signatureHeaders(s) {
		whole := g.good(s).Header.Get(name)
		for what, value := range map[string]string{
			"empty": "", "a blank": " ", "a comma": ",", "an equal sign": "=", "cut short": whole[:len(whole)-1], "no ASCII": "ü\xff\x00", "a million letters": strings.Repeat("A", 1_000_000),
			"a million parts": strings.Repeat("a=1,", 250_000), "a thousand times": strings.Repeat(whole+",", 1000), "digits": strings.Repeat("9", 100), "a minus": "-" + whole,
		} {
			d := g.good(s)
			d.Header = d.Header.Clone()
			d.Header.Set(name, value)
			begin := time.Now()
			g.mustRefuse(t, name+" is "+what, d)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("%s is %s: refused after %s", name, what, took)
			}
		}
	}
}

func acceptsTheSandboxsWebhooks(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(can(adapters.Webhooks), func(c adapters.Carriage) { st.Seed(c.Kind) })
	deliveries := st.settle(t)
	if len(deliveries) == 0 {
		t.Fatal("the sandbox told nothing of the objects that were made")
	}
	for _, d := range deliveries {
		if _, err := st.Webhook.Verify(d); err != nil {
			t.Errorf("refused: %v", err)
		}
		before := slices.Clone(d.Body)
		if _, err := st.Webhook.Split(d); err != nil || !bytes.Equal(before, d.Body) {
			t.Errorf("split: %v", err)
		}
	}
}

// texts are the secrets of a connection.
func texts(settings adapters.Settings) []string {
	var out []string
	for _, secret := range settings.Credentials {
		out = append(out, secret.Reveal())
	}
	for _, secret := range settings.WebhookSecrets {
		out = append(out, secret.Reveal())
	}
	return out
}
