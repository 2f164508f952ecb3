package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	shopify "github.com/canonhub/canonhub/adapters/shopify/sandbox"
)

const mary = "mary@example.com"

// sold is a sale at Shopify: a customer as any other, and an order that refers to them.
func sold(ctx context.Context, s *stage) error {
	buyer, err := s.shopify.Register(shopify.Customer{FirstName: "Mary", LastName: "Jackson", Email: mary})
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(buyer, 10, 64)
	if err != nil {
		return err
	}
	order := s.shopify.Place(shopify.Order{CustomerID: number, Email: mary, Subtotal: "40.0", Tax: "4.0", Total: "44.0", FinancialStatus: "PAID",
		FulfillmentStatus: "UNFULFILLED", Lines: []shopify.Line{{Name: "Slide rule", SKU: "SR-1", Quantity: 2, UnitPrice: "20.0", Total: "40.0"}}})
	s.t.does("Mary Jackson registers at Shopify (%s) and orders two slide rules (%s)", buyer, order)
	if err := s.until(ctx, "Mary is in HubSpot", func() error {
		_, err := s.contactOf(mary)
		return err
	}); err != nil {
		return err
	}
	s.t.saw("HubSpot has a contact of hers")
	var customer customerRecord
	if err := s.get(ctx, "/v1/customers:lookup?connection=shop&external_id="+buyer, &customer); err != nil {
		return err
	}
	s.buyer = customer.ID
	var placed struct {
		ID    string `json:"id"`
		Order struct {
			Customer struct {
				RecordID string `json:"recordId"`
			} `json:"customer"`
			Total struct {
				CurrencyCode string `json:"currencyCode"`
				Units        string `json:"units"`
			} `json:"total"`
		} `json:"order"`
	}
	if err := s.until(ctx, "the order is a record that names hers", func() error {
		if err := s.get(ctx, "/v1/orders:lookup?connection=shop&external_id="+order, &placed); err != nil {
			return err
		}
		return s.named(ctx, placed.Order.Customer.RecordID, customer.ID)
	}); err != nil {
		return err
	}
	s.t.saw("%s of %s %s is %s's", placed.ID, placed.Order.Total.Units, placed.Order.Total.CurrencyCode, customer.ID)
	return s.agreed(ctx, customer.ID)
}

// named checks which customer answers to an id. Where a reference comes before its object, it keeps the id that was made for
// it, and that is answered by the record that the object turns out to be.
func (s *stage) named(ctx context.Context, id, want string) error {
	var answers customerRecord
	if err := s.get(ctx, "/v1/customers/"+id, &answers); err != nil {
		return err
	}
	if answers.ID != want {
		return fmt.Errorf("it names %q, which is %q", id, answers.ID)
	}
	return nil
}

// supported is a ticket at Zendesk, whose requester is that customer.
func supported(ctx context.Context, s *stage) error {
	user, err := s.zendesk.Make("users", map[string]any{"name": "Mary Jackson", "email": mary})
	if err != nil {
		return err
	}
	ticket, err := s.zendesk.Make("tickets", map[string]any{"subject": "It slides not", "description": "Not at all.", "requester_id": user})
	if err != nil {
		return err
	}
	s.t.does("at Zendesk an agent opens ticket %d for mary@example.com", ticket)
	var opened struct {
		ID     string `json:"id"`
		Ticket struct {
			Requester struct {
				RecordID string `json:"recordId"`
			} `json:"requester"`
		} `json:"ticket"`
	}
	if err := s.until(ctx, "the ticket is a record that names hers", func() error {
		if err := s.get(ctx, fmt.Sprintf("/v1/tickets:lookup?connection=help&external_id=%d", ticket), &opened); err != nil {
			return err
		}
		return s.named(ctx, opened.Ticket.Requester.RecordID, s.buyer)
	}); err != nil {
		return err
	}
	s.t.saw("%s is asked by the same %s", opened.ID, s.buyer)
	contact, err := s.contactOf(mary)
	if err != nil {
		return err
	}
	if err := s.hubspot.Edit(contact.ID, map[string]string{"lastname": "Winston Jackson"}); err != nil {
		return err
	}
	s.t.does("a HubSpot user completes her name; the policy says {prefer: [stripe, crm, shop, help, erp]}")
	if err := s.until(ctx, "Zendesk has the name", func() error {
		o, _ := s.zendesk.Object("users", user)
		if o.Fields["name"] != "Mary Winston Jackson" {
			return fmt.Errorf("it has %v", o.Fields["name"])
		}
		return nil
	}); err != nil {
		return err
	}
	s.t.saw("Zendesk's agents see Mary Winston Jackson")
	return s.agreed(ctx, s.buyer)
}

// dropped is an export of a system that knows nothing but files.
func dropped(ctx context.Context, s *stage) error {
	const rows = 20
	var file strings.Builder
	file.WriteString("NR;NAME;MAIL;CITY\r\n")
	for i := range rows {
		fmt.Fprintf(&file, "%d;\"M\xfcller; Nr. %d\";mueller%d@example.com;K\xf6ln\r\n", 1000+i, i, i) // as in windows-1252
	}
	file.WriteString("1099;\"M\xfcller; without an end;x@example.com;K\xf6ln\r\n")
	if err := s.drop("customers-1.csv", file.String()); err != nil {
		return err
	}
	s.t.does("a file of %d customers in windows-1252 is dropped in %s; its last row is broken", rows+1, filepath.Join(s.folder(), "in"))
	there := func() (n int) {
		for _, c := range s.hubspot.Contacts() {
			if strings.HasPrefix(c.Properties["email"], "mueller") && strings.HasPrefix(c.Properties["firstname"]+c.Properties["lastname"], "Müller") {
				n++
			}
		}
		return n
	}
	if err := s.until(ctx, "HubSpot has them", func() error {
		if n := there(); n != rows {
			return fmt.Errorf("it has %d", n)
		}
		return nil
	}); err != nil {
		return err
	}
	s.t.saw("HubSpot has %d contacts more, umlauts and all", rows)
	var letters struct {
		DeadLetters []struct {
			ID     string `json:"id"`
			Reason string `json:"reason"`
		} `json:"deadLetters"`
	}
	if err := s.until(ctx, "the broken row waits", func() error {
		err := s.get(ctx, "/v1/deadLetters?filter.connection=erp", &letters)
		if err == nil && len(letters.DeadLetters) != 1 {
			err = fmt.Errorf("there are %d dead letters", len(letters.DeadLetters))
		}
		return err
	}); err != nil {
		return err
	}
	s.t.saw("the broken row waits for a person: dead letter %s: %s", letters.DeadLetters[0].ID, letters.DeadLetters[0].Reason)
	if err := s.drop("customers-2.csv", file.String()); err != nil {
		return err
	}
	s.t.does("the same file is dropped again, by another name")
	if err := s.until(ctx, "it is rejected", func() error {
		files, err := os.ReadDir(filepath.Join(s.folder(), "rejected"))
		if err == nil && len(files) == 0 {
			err = errors.New("rejected/ is empty")
		}
		return err
	}); err != nil {
		return err
	}
	if n := there(); n != rows {
		return fmt.Errorf("HubSpot has %d of them, want %d", n, rows)
	}
	s.t.saw("it is known by its content, and nothing is taken in twice")
	return nil
}

// folder is what the system without an API and the hub have in common.
func (s *stage) folder() string { return filepath.Join(s.dir, "erp") }

func (s *stage) furnish() error {
	for _, name := range []string{"in", "done", "rejected", "out"} {
		if err := os.MkdirAll(filepath.Join(s.folder(), name), 0o700); err != nil {
			return fmt.Errorf("make the demo's folder: %w", err)
		}
	}
	return nil
}

// drop writes a file under another name first.
func (s *stage) drop(name, text string) error {
	hidden := filepath.Join(s.folder(), "in", "."+name)
	if err := os.WriteFile(hidden, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(hidden, filepath.Join(s.folder(), "in", name))
}
