package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	hubspot "github.com/canonhub/canonhub/adapters/hubspot/sandbox"
)

// chapter is one step of the story; play does what somebody does and checks what follows.
type chapter struct {
	title string
	play  func(context.Context, *stage) error
}

var story = []chapter{
	{"A customer is created in Stripe, and appears in HubSpot", created},
	{"Stripe sends the same webhook five times, and others in the wrong order", repeated},
	{"A HubSpot user edits an attribute that Stripe owns: it is put back", putBack},
	{"A HubSpot user edits an attribute that HubSpot owns: it flows to Stripe, and the echo stops there", flows},
	{"HubSpot answers 429, and then gives no answer after doing the work", misbehaves},
	{"The hub is killed between receipt and delivery", killed},
	{"Two systems disagree on an attribute that is held: a review asks, and a person decides", disagree},
	{"The policy is to change: what it would do is planned, and then done", replan},
	{"Two records are one person: they are merged; it was a mistake, and is undone", united},
	{"A customer of Shopify's orders: the order refers to the one record of them", sold},
	{"They ask at Zendesk: the ticket refers to them, too, and what HubSpot knows arrives there", supported},
	{"A system that knows nothing but files drops an export", dropped},
	{"A forged signature is refused before anything is stored", forged},
}

const contacts = "/crm/objects/2026-03/contacts"

func created(ctx context.Context, s *stage) error {
	var err error
	if s.customer, err = s.createCustomer(ctx, "Ada Lovelace", "ada@example.com", "+442079460000"); err != nil {
		return err
	}
	s.t.does("POST /v1/customers at Stripe: Ada Lovelace, ada@example.com, +442079460000 → %s", s.customer)
	if err := s.until(ctx, "the contact is in HubSpot", func() error {
		c, err := s.contactOf("ada@example.com")
		s.contact = c.ID
		return err
	}); err != nil {
		return err
	}
	c, _ := s.hubspot.Contact(s.contact)
	s.t.saw("HubSpot has contact %s: %s %s, phone %s", c.ID, c.Properties["firstname"], c.Properties["lastname"], c.Properties["phone"])
	r, err := s.lookup(ctx, s.customer)
	if err != nil {
		return err
	}
	s.record = r.ID
	s.t.saw("REST has record %s, revision %s", r.ID, r.Revision)
	if err := s.overGRPC(ctx, r); err != nil {
		return err
	}
	return s.agreed(ctx, s.record)
}

func repeated(ctx context.Context, s *stage) error {
	before, err := s.lookup(ctx, s.customer)
	if err != nil {
		return err
	}
	writes := s.hubspotWrites()
	if err := s.repeatLastEvent(5); err != nil {
		return err
	}
	s.t.does("the webhook of that creation, five times more: each is acknowledged")
	s.stripe.Hold()
	for _, name := range []string{"Ada King", "Augusta Ada King", "Ada King-Noel, Countess of Lovelace"} {
		if err := s.updateCustomer(ctx, s.customer, "name", name); err != nil {
			return err
		}
		if err := s.nextSecond(ctx); err != nil { // Stripe's clock ticks in seconds; let them differ
			return err
		}
	}
	s.stripe.Release(true)
	s.t.does("three changes of the name at Stripe, whose webhooks arrive shuffled and in part twice")
	const want = "Ada King-Noel, Countess of Lovelace"
	if err := s.until(ctx, "HubSpot has the newest name", func() error {
		c, _ := s.hubspot.Contact(s.contact)
		if got := strings.TrimSpace(c.Properties["firstname"] + " " + c.Properties["lastname"]); got != want {
			return fmt.Errorf("it has %q", got)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := s.agreed(ctx, s.record); err != nil {
		return err
	}
	s.t.saw("HubSpot has the newest name, whatever arrived last")
	after, err := s.lookup(ctx, s.customer)
	if err != nil {
		return err
	}
	if n := len(s.hubspot.Contacts()); n != 1 {
		return fmt.Errorf("HubSpot has %d contacts, want 1", n)
	}
	s.t.saw("one contact; revision %s → %s, %d writes to HubSpot for all of that", before.Revision, after.Revision, s.hubspotWrites()-writes)
	return nil
}

func putBack(ctx context.Context, s *stage) error {
	if err := s.hubspot.Edit(s.contact, map[string]string{"email": "typo@example.org"}); err != nil {
		return err
	}
	s.t.does("a HubSpot user sets the e-mail address to typo@example.org; the policy says {authority: stripe}")
	if err := s.until(ctx, "HubSpot has Stripe's address again", func() error {
		c, _ := s.hubspot.Contact(s.contact)
		if c.Properties["email"] != "ada@example.com" {
			return fmt.Errorf("it has %q", c.Properties["email"])
		}
		e, err := s.explain(ctx, "email")
		if err == nil && e.lost == "" {
			err = errors.New("HubSpot's claim is not known yet")
		}
		return err
	}); err != nil {
		return err
	}
	s.t.saw("HubSpot has ada@example.com again")
	e, err := s.explain(ctx, "email")
	if err != nil {
		return err
	}
	s.t.saw("Explain: email is %s, from %s by %s; lost: %s", e.value, e.source, e.mode, e.lost)
	return s.agreed(ctx, s.record)
}

func flows(ctx context.Context, s *stage) error {
	e, err := s.explain(ctx, "phone")
	if err != nil {
		return err
	}
	if !e.standIn {
		return fmt.Errorf("phone is from %s, and not as a stand-in", e.source)
	}
	s.t.saw("before: phone is from %s, which stands in until HubSpot, its authority, has spoken", e.source)
	const number = "+442079461843"
	if err := s.hubspot.Edit(s.contact, map[string]string{"phone": number}); err != nil {
		return err
	}
	s.t.does("a HubSpot user sets the phone number to %s; the policy says {authority: crm}", number)
	if err := s.until(ctx, "Stripe has the number", func() error {
		got, err := s.stripePhone(ctx, s.customer)
		if err == nil && got != number {
			err = fmt.Errorf("it has %q", got)
		}
		return err
	}); err != nil {
		return err
	}
	if err := s.agreed(ctx, s.record); err != nil {
		return err
	}
	s.t.saw("Stripe has %s", number)
	if err := s.quiet(ctx); err != nil {
		return err
	}
	r, err := s.lookup(ctx, s.customer)
	if err != nil {
		return err
	}
	writes, updates := s.hubspotWrites(), s.stripeWrites()
	if err := s.repeatLastEvent(1); err != nil { // the echo once more
		return err
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	again, err := s.lookup(ctx, s.customer)
	if err != nil {
		return err
	}
	if again.Revision != r.Revision || s.hubspotWrites() != writes || s.stripeWrites() != updates {
		return fmt.Errorf("the echo went on: revision %s → %s", r.Revision, again.Revision)
	}
	s.t.saw("Stripe told us of our own write: no new revision, no write to either side")
	return nil
}

func misbehaves(ctx context.Context, s *stage) error {
	s.hubspot.Inject(hubspot.Fault{Method: http.MethodPost, PathPrefix: contacts, Status: http.StatusTooManyRequests, RetryAfter: time.Second})
	s.hubspot.Inject(hubspot.Fault{Method: http.MethodPost, PathPrefix: contacts, AfterWork: true})
	customer, err := s.createCustomer(ctx, "Grace Hopper", "grace@example.com", "")
	if err != nil {
		return err
	}
	s.t.does("Grace Hopper is created in Stripe; HubSpot first answers 429 with Retry-After, then makes the contact and closes the connection")
	return s.oneContact(ctx, customer, "grace@example.com")
}

// oneContact checks that a Stripe customer ends as exactly one contact.
func (s *stage) oneContact(ctx context.Context, customer, email string) error {
	var r customerRecord
	if err := s.until(ctx, "the record is there", func() (err error) {
		r, err = s.lookup(ctx, customer)
		return err
	}); err != nil {
		return err
	}
	if err := s.agreed(ctx, r.ID); err != nil {
		return err
	}
	n := 0
	for _, c := range s.hubspot.Contacts() {
		if c.Properties["email"] == email {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("HubSpot has %d contacts with %s, want 1", n, email)
	}
	s.t.saw("HubSpot has exactly one contact with %s, and agrees", email)
	return nil
}

func killed(ctx context.Context, s *stage) error {
	s.hubspot.Inject(hubspot.Fault{Method: http.MethodPost, PathPrefix: contacts, Hang: true})
	writes := s.hubspotWrites()
	customer, err := s.createCustomer(ctx, "Katherine Johnson", "katherine@example.com", "")
	if err != nil {
		return err
	}
	if err := s.until(ctx, "the delivery has begun", func() error {
		if s.hubspotWrites() == writes {
			return errors.New("HubSpot has not been called")
		}
		return nil
	}); err != nil {
		return err
	}
	if err := s.kill(); err != nil {
		return err
	}
	s.t.does("Katherine Johnson is created in Stripe; while HubSpot keeps the hub waiting, the hub gets signal %d (kill -9)", syscall.SIGKILL)
	second, err := s.createCustomer(ctx, "Dorothy Vaughan", "dorothy@example.com", "")
	if err != nil {
		return err
	}
	s.t.does("Dorothy Vaughan is created in Stripe while the hub is down: Stripe keeps trying")
	if err := s.startHub(ctx); err != nil {
		return err
	}
	s.t.does("the hub is started again")
	if err := s.oneContact(ctx, customer, "katherine@example.com"); err != nil {
		return err
	}
	return s.oneContact(ctx, second, "dorothy@example.com")
}

func forged(ctx context.Context, s *stage) error {
	before, err := s.count(ctx)
	if err != nil {
		return err
	}
	body := `{"id":"evt_forged","object":"event","created":1,"type":"customer.created","data":{"object":{"id":"cus_forged","object":"customer","email":"mallory@example.com"}}}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.httpAddr+"/webhooks/stripe", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%064d", time.Now().Unix(), 0))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("the forged webhook got %s", resp.Status)
	}
	s.t.does("a webhook for cus_forged with a made-up signature gets %s", resp.Status)
	if _, err := s.lookup(ctx, "cus_forged"); err == nil {
		return errors.New("the forged customer was stored")
	}
	after, err := s.count(ctx)
	if err != nil || after != before {
		return fmt.Errorf("%d customers before, %d after (%w)", before, after, err)
	}
	s.t.saw("nothing was stored: %d customers before and after", after)
	return nil
}
