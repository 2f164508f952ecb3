package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	hubspot "github.com/canonhub/canonhub/adapters/hubspot/sandbox"
)

// callStripe calls the simulated Stripe over HTTP as its dashboard would.
func (s *stage) callStripe(ctx context.Context, method, path string, form url.Values) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.stripeURL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the simulated Stripe answered %s to %s %s", resp.Status, method, path)
	}
	var object map[string]any
	return object, json.Unmarshal(body, &object)
}

func (s *stage) createCustomer(ctx context.Context, name, email, phone string) (id string, err error) {
	form := url.Values{"name": {name}, "email": {email}}
	if phone != "" {
		form.Set("phone", phone)
	}
	object, err := s.callStripe(ctx, http.MethodPost, "/v1/customers", form)
	if err != nil {
		return "", err
	}
	id, _ = object["id"].(string)
	return id, nil
}

func (s *stage) updateCustomer(ctx context.Context, id, field, value string) error {
	_, err := s.callStripe(ctx, http.MethodPost, "/v1/customers/"+id, url.Values{field: {value}})
	return err
}

// stripePhone is a customer's phone number at Stripe, as its dashboard shows it.
func (s *stage) stripePhone(ctx context.Context, id string) (string, error) {
	object, err := s.callStripe(ctx, http.MethodGet, "/v1/customers/"+id, nil)
	phone, _ := object["phone"].(string)
	return phone, err
}

// repeatLastEvent has Stripe send its last acknowledged event again, n times.
func (s *stage) repeatLastEvent(n int) error {
	all := s.stripe.Deliveries()
	if len(all) == 0 {
		return errors.New("nothing was sent by Stripe yet")
	}
	status, err := s.stripe.Redeliver(all[len(all)-1].EventID, n)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the repeated webhook got status %d", status)
	}
	return err
}

// contactOf is the contact with an e-mail address.
func (s *stage) contactOf(email string) (hubspot.Contact, error) {
	c, ok := s.hubspot.ByEmail(email)
	if !ok {
		return c, fmt.Errorf("no contact has %s", email)
	}
	return c, nil
}

// hubspotWrites counts the calls that write to HubSpot.
func (s *stage) hubspotWrites() int { return writes(s.hubspot.Counts()) }

// stripeWrites counts the calls that write to Stripe.
func (s *stage) stripeWrites() int { return writes(s.stripe.Counts()) }

func writes(counts map[string]int) int {
	n := 0
	for call, times := range counts {
		if !strings.HasPrefix(call, http.MethodGet) {
			n += times
		}
	}
	return n
}

// quiet waits until nobody calls anybody any more.
func (s *stage) quiet(ctx context.Context) error {
	calls := func() int {
		n := len(s.stripe.Deliveries()) + len(s.hubspot.Deliveries())
		for _, counts := range []map[string]int{s.stripe.Counts(), s.hubspot.Counts()} {
			for _, times := range counts {
				n += times
			}
		}
		return n
	}
	last, since := calls(), time.Now()
	return s.until(ctx, "all is quiet", func() error {
		if now := calls(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < 700*time.Millisecond {
			return errors.New("there are still calls")
		}
		return nil
	})
}

// nextSecond waits for the clock's next second.
func (s *stage) nextSecond(ctx context.Context) error {
	now := time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(now.Truncate(time.Second).Add(time.Second).Sub(now)):
		return nil
	}
}

// decided is what an explanation says of one attribute, in words.
type decided struct {
	value, source, mode, lost string
	standIn                   bool
}

// explain asks the hub why an attribute of the story's first customer is as it is.
func (s *stage) explain(ctx context.Context, path string) (decided, error) {
	var e explanation
	if err := s.get(ctx, "/v1/customers/"+s.record+":explain", &e); err != nil {
		return decided{}, err
	}
	for _, a := range e.Attributes {
		if a.Path != path {
			continue
		}
		d := decided{value: fmt.Sprint(a.Value), source: a.Winner.Source, mode: a.Rule.Mode, standIn: a.StandIn}
		for _, l := range a.Lost {
			d.lost += fmt.Sprintf("%s's %v (%s)", l.Claim.Source, l.Claim.Value, strings.ToLower(strings.TrimPrefix(l.Reason, "LOSS_REASON_")))
		}
		return d, nil
	}
	return decided{}, fmt.Errorf("the explanation does not mention %s", path)
}

// count is how many customers the hub has.
func (s *stage) count(ctx context.Context) (int, error) {
	var list struct {
		Customers []customerRecord `json:"customers"`
	}
	err := s.get(ctx, "/v1/customers", &list)
	return len(list.Customers), err
}

// whatNext tells what to try while the demo stays up.
func (s *stage) whatNext() {
	s.t.title("The demo stays up; try this (Ctrl-C ends it):")
	for _, line := range []string{
		"curl " + "http://" + s.httpAddr + "/v1/customers",
		"curl " + "http://" + s.httpAddr + "/v1/customers/" + s.record + ":explain",
		"curl " + "'http://" + s.httpAddr + "/v1/customers:lookup?connection=stripe&external_id=" + s.customer + "'",
		"curl " + s.stripeURL + "/v1/customers/" + s.customer + " -H 'Authorization: Bearer " + stripeKey + "' -d name='Ada Byron'",
		"curl " + s.hubspotURL + contacts + "/" + s.contact + "'?properties=email,phone,firstname,lastname' -H 'Authorization: Bearer " + hubspotToken + "'",
		"curl -X PATCH " + s.hubspotURL + contacts + "/" + s.contact + " -H 'Authorization: Bearer " + hubspotToken + "' -H 'Content-Type: application/json' -d '{\"properties\":{\"email\":\"typo@example.org\"}}'",
		"grpcurl -plaintext -d '{\"id\":\"" + s.record + "\"}' " + s.grpcAddr + " canonhub.hub.v1.CustomerService/ExplainCustomer",
		"curl http://" + s.httpAddr + "/metrics",
	} {
		fmt.Fprintln(s.t.out, "   "+line)
	}
}
