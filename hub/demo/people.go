package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// review is what the demo reads of a review over REST.
type review struct {
	ID      string   `json:"id"`
	Reason  string   `json:"reason"`
	Path    string   `json:"path"`
	Choices []string `json:"choices"`
}

// reviewOf waits for the open review on an attribute of the story's first customer.
func (s *stage) reviewOf(ctx context.Context, path string) (found review, err error) {
	err = s.until(ctx, "a review is open", func() error {
		var page struct {
			Reviews []review `json:"reviews"`
		}
		if err := s.get(ctx, "/v1/reviews?record_id="+s.record, &page); err != nil {
			return err
		}
		for _, found = range page.Reviews {
			if found.Path == path {
				return nil
			}
		}
		return errors.New("there is none")
	})
	return found, err
}

func (s *stage) contactHas(property, want string) error {
	if c, _ := s.hubspot.Contact(s.contact); c.Properties[property] != want {
		return fmt.Errorf("HubSpot has %s %q", property, c.Properties[property])
	}
	return nil
}

func disagree(ctx context.Context, s *stage) error {
	if err := s.updateCustomer(ctx, s.customer, "address[city]", "London"); err != nil {
		return err
	}
	if err := s.until(ctx, "HubSpot has the city", func() error { return s.contactHas("city", "London") }); err != nil {
		return err
	}
	s.t.does("Stripe says that the customer lives in London, and HubSpot is told; the policy says {hold: [stripe, crm]}")
	if err := s.hubspot.Edit(s.contact, map[string]string{"city": "Ockham"}); err != nil {
		return err
	}
	s.t.does("a HubSpot user says Ockham")
	r, err := s.reviewOf(ctx, "billing_address.city")
	if err != nil {
		return err
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	e, err := s.explain(ctx, "billing_address.city")
	if err != nil {
		return err
	}
	if e.value != "London" || s.contactHas("city", "Ockham") != nil {
		return fmt.Errorf("the record has %s, and %w; want that both keep their word", e.value, s.contactHas("city", "Ockham"))
	}
	s.t.saw("the record keeps %s, nobody is overwritten, and review %s asks: %s", e.value, r.ID, strings.Join(r.Choices, ", "))
	if err := s.post(ctx, "/v1/reviews/"+r.ID+":resolve", `{"take": {"source": "crm"}, "why": "she moved"}`, nil); err != nil {
		return err
	}
	s.t.does("a person takes HubSpot's side: POST /v1/reviews/%s:resolve", r.ID)
	if err := s.until(ctx, "Stripe has the city", func() error {
		customer, err := s.callStripe(ctx, http.MethodGet, "/v1/customers/"+s.customer, nil)
		if err != nil {
			return err
		}
		if address, _ := customer["address"].(map[string]any); address["city"] != "Ockham" {
			return fmt.Errorf("it has %v", address["city"])
		}
		return nil
	}); err != nil {
		return err
	}
	s.t.saw("Stripe has Ockham; the decision stands until one of them says something else")
	return s.agreed(ctx, s.record)
}

// planned finds the plan's digest in what the command prints.
var planned = regexp.MustCompile(`--plan (\S+)`)

func replan(ctx context.Context, s *stage) error {
	text, err := os.ReadFile(s.configPath())
	if err != nil {
		return err
	}
	changed := filepath.Join(s.dir, "new.yaml")
	next := strings.Replace(string(text), "phone: {authority: crm}", "phone: {authority: stripe}", 1)
	if next == string(text) {
		return errors.New("the demo's configuration has no rule for phone to change")
	}
	if err := os.WriteFile(changed, []byte(next), 0o600); err != nil {
		return err
	}
	before, err := s.stripePhone(ctx, s.customer)
	if err != nil {
		return err
	}
	s.t.does("phone is to be Stripe's from now on: hub plan --config new.yaml")
	report, err := s.command(ctx, "plan", "--config", changed)
	if err != nil {
		return err
	}
	for line := range strings.Lines(report) {
		if strings.Contains(line, "would") || strings.Contains(line, "phone") || strings.Contains(line, " to ") {
			s.t.saw("%s", strings.TrimSpace(line))
		}
	}
	if now, err := s.stripePhone(ctx, s.customer); err != nil || now != before {
		return fmt.Errorf("the plan changed something: Stripe has %s (%w)", now, err)
	}
	digest := planned.FindStringSubmatch(report)
	if digest == nil {
		return fmt.Errorf("the plan names no digest:\n%s", report)
	}
	if _, err := s.command(ctx, "apply", "--config", changed, "--plan", digest[1]); err != nil {
		return err
	}
	s.t.does("hub apply --config new.yaml --plan %s", digest[1])
	const own = "+442079460000" // what Stripe's own people said, before HubSpot's word was brought there
	if err := s.until(ctx, "Stripe has its own number again", func() error {
		got, err := s.stripePhone(ctx, s.customer)
		if err == nil && got != own {
			err = fmt.Errorf("it has %q", got)
		}
		return err
	}); err != nil {
		return err
	}
	s.t.saw("Stripe's own word was never lost: %s → %s, at both", before, own)
	return s.agreed(ctx, s.record)
}

// command runs a command of the hub's, beside the running hub.
func (s *stage) command(ctx context.Context, args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, append(args, "--data-dir", s.dir)...)
	cmd.Env = s.hubEnv()
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("hub %s: %w: %s", args[0], err, strings.TrimSpace(failure.String()))
	}
	return out.String(), nil
}

// post writes to the hub over REST.
func (s *stage) post(ctx context.Context, path, body string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.httpAddr+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s answered %s", path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
