package demo

import (
	"context"
	"fmt"
	"strings"

	canonhub "github.com/canonhub/canonhub/clients/go"
)

func united(ctx context.Context, s *stage) error {
	const email = "countess@example.com"
	customer, err := s.createCustomer(ctx, "A. A. Lovelace", email, "")
	if err != nil {
		return err
	}
	if err := s.oneContact(ctx, customer, email); err != nil {
		return err
	}
	second, err := s.lookup(ctx, customer)
	if err != nil {
		return err
	}
	contact, err := s.contactOf(email)
	if err != nil {
		return err
	}
	first, err := s.lookup(ctx, s.customer)
	if err != nil {
		return err
	}
	s.t.does("Stripe has her a second time, as %s: record %s", email, second.ID)
	client, err := canonhub.Dial(s.grpcAddr, canonhub.WithInsecure())
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Customers().Merge(ctx, second.ID, first.ID, "one person"); err != nil {
		return err
	}
	s.t.does("a person says that the two are one: the Go client's Merge")
	var both customerRecord
	if err := s.get(ctx, "/v1/customers/"+second.ID, &both); err != nil {
		return err
	}
	if both.ID != first.ID || both.Customer.Name.Full != first.Customer.Name.Full {
		return fmt.Errorf("%s answers with %s, %s", second.ID, both.ID, both.Customer.Name.Full)
	}
	s.t.saw("%s answers with %s from now on, which is %s", second.ID, first.ID, both.Customer.Name.Full)
	named := func(want string) func() error {
		return func() error {
			c, _ := s.hubspot.Contact(contact.ID)
			if got := strings.TrimSpace(c.Properties["firstname"] + " " + c.Properties["lastname"]); got != want {
				return fmt.Errorf("it is of %s", got)
			}
			return nil
		}
	}
	if err := s.until(ctx, "the second contact has her name", named(first.Customer.Name.Full)); err != nil {
		return err
	}
	s.t.saw("her second contact in HubSpot has the record's name, too")
	if _, err := client.Customers().Unmerge(ctx, second.ID, "her daughter"); err != nil {
		return err
	}
	s.t.does("it was her daughter: Unmerge")
	if err := s.until(ctx, "the second contact has its own name", named(second.Customer.Name.Full)); err != nil {
		return err
	}
	for _, was := range []customerRecord{first, second} {
		var is customerRecord
		if err := s.get(ctx, "/v1/customers/"+was.ID, &is); err != nil {
			return err
		}
		if is.ID != was.ID || is.Customer != was.Customer {
			return fmt.Errorf("%s is %v, and was %v", is.ID, is.Customer, was.Customer)
		}
		if err := s.agreed(ctx, was.ID); err != nil {
			return err
		}
	}
	s.t.saw("both records are what they were, and the contact has its own name: no word was lost")
	return nil
}
