package config_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/hub/config"
)

// TestNoTypingErrorTellsASecret writes secrets in place, as people do, and mistypes around them.
func TestNoTypingErrorTellsASecret(t *testing.T) {
	const secret = "sk_live_51Hq"
	text := string(read(t, "testdata/design.yaml"))
	for _, reference := range []string{"${STRIPE_EU_KEY}", "${STRIPE_EU_WEBHOOK_SECRET}", "${file:/run/secrets/hubspot}", "${HUBSPOT_CLIENT_SECRET}"} {
		text = strings.ReplaceAll(text, reference, secret)
	}
	rapid.Check(t, func(t *rapid.T) {
		edited := text
		for range rapid.IntRange(0, 3).Draw(t, "edits") {
			// Around a secret, where it matters.
			places := strings.Count(edited, secret)
			if places == 0 {
				break
			}
			at := indexOf(edited, secret, rapid.IntRange(0, places-1).Draw(t, "secret"))
			at += rapid.SampledFrom([]int{-20, -12, -3, -2, -1, 0, len(secret), len(secret) + 1, len(secret) + 2}).Draw(t, "at")
			cut := rapid.IntRange(0, 2).Draw(t, "cut")
			typed := rapid.SampledFrom([]string{"", " ", "\n", "\n\n", "\t", `"`, "'", ":", ": ", "{", "}", "[", "]", ",", "*", "&", "!", "!!int ", "|", ">", "#", "- ", "? ", "%", "@", "`", "\\", "${", "$"}).Draw(t, "typed")
			edited = edited[:at] + typed + edited[min(at+cut, len(edited)):]
		}
		_, err := config.Parse("hub.yaml", []byte(edited), options())
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Fatalf("told: %v\nof: %s", err, edited)
		}
	})
}

// indexOf finds the n-th occurrence.
func indexOf(text, part string, n int) int {
	at := strings.Index(text, part)
	for range n {
		at += len(part) + strings.Index(text[at+len(part):], part)
	}
	return at
}

func FuzzParse(f *testing.F) {
	f.Add(read(f, "testdata/design.yaml"))
	for _, file := range txtar.Parse(read(f, mistakes)).Files {
		if strings.HasSuffix(file.Name, ".yaml") {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Parse("hub.yaml", text, options())
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", c, err)
		}
		if strings.Contains(string(text), secretText) {
			return // it is no secret then
		}
		if told := fmt.Sprintf("%v %+v %#v", err, c, c); strings.Contains(told, secretText) {
			t.Fatalf("told: %s", told)
		}
	})
}
