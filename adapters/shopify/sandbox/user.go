package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Register makes a customer as a user of the shop does, and returns its id.
func (s *Server) Register(c Customer) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.register(c)
}

func (s *Server) register(c Customer) (string, error) {
	made := c.clone()
	made.ID = 0
	made.normalise()
	if refused := s.refuse(made); refused != nil {
		return "", errors.New(refused[0].(*thing).fields["message"].(string))
	}
	made.ID, made.CreatedAt = s.nextID(), s.now()
	if made.Address != nil {
		made.Address.ID = s.nextID()
	}
	s.keep(made, "customers/create")
	return strconv.FormatInt(made.ID, 10), nil
}

// Place makes an order as a buyer does, and returns its id.
func (s *Server) Place(o Order) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place(o)
}

func (s *Server) place(o Order) string {
	made := o.clone()
	made.ID = 0
	s.keepOrder(made, "orders/create")
	return strconv.FormatInt(made.ID, 10)
}

// Import makes customers and orders as an import does: all in one second, without webhooks. It returns their ids.
func (s *Server) Import(customers []Customer, orders []Order) (ids []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.imported = s.now()
	defer func() { s.imported = time.Time{} }()
	for _, c := range customers {
		id, err := s.register(c)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	for _, o := range orders {
		ids = append(ids, s.place(o))
	}
	return ids, nil
}

// Edit is what a user does on a customer's page.
func (s *Server) Edit(id string, change func(*Customer)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.customer(id)
	if err != nil {
		return err
	}
	edited := c.clone()
	change(edited)
	edited.normalise()
	if refused := s.refuse(edited); refused != nil {
		return errors.New(refused[0].(*thing).fields["message"].(string))
	}
	s.keep(edited, "customers/update", "customer.tags_added")
	return nil
}

// Process is what a user does on an order's page.
func (s *Server) Process(id string, change func(*Order)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[parseID(id)]
	if o == nil {
		return fmt.Errorf("there is no order %s", id)
	}
	o = o.clone()
	change(o)
	s.keepOrder(o, "orders/updated", "orders/edited")
	return nil
}

// Delete deletes a customer or an order, for good.
func (s *Server) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := parseID(id)
	switch {
	case s.customers[n] != nil:
		delete(s.customers, n)
		s.tell(map[string]any{"id": n, "tax_exemptions": []any{}, "admin_graphql_api_id": global("Customer", n)}, "customers/delete")
	case s.orders[n] != nil:
		delete(s.orders, n)
		s.tell(map[string]any{"id": n}, "orders/delete")
	default:
		return fmt.Errorf("there is no object %s", id)
	}
	return nil
}

// Merge joins a customer into another one, and tells first that it was asked for.
func (s *Server) Merge(kept, lost string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	winner, err := s.customer(kept)
	if err != nil {
		return err
	}
	loser, err := s.customer(lost)
	if err != nil {
		return err
	}
	s.tell(mergeBody(winner, loser, "in_progress"), "customers/merge")
	delete(s.customers, loser.ID)
	edited := winner.clone()
	edited.Tags = tags(append(edited.Tags, loser.Tags...))
	for _, o := range s.orders {
		if o.CustomerID == loser.ID {
			o.CustomerID = winner.ID
		}
	}
	s.keep(edited, "customers/update")
	s.tell(mergeBody(winner, loser, "completed"), "customers/merge")
	return nil
}

// FailMerge tells of a merge that was asked for and not done.
func (s *Server) FailMerge(kept, lost string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	winner, err := s.customer(kept)
	if err != nil {
		return err
	}
	loser, err := s.customer(lost)
	if err == nil {
		s.tell(mergeBody(winner, loser, "failed"), "customers/merge")
	}
	return err
}

// Redact erases a customer, as the law asks for, and asks apps to do so.
func (s *Server) Redact(id string, orders ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.customer(id)
	if err != nil {
		return err
	}
	delete(s.customers, c.ID)
	listed := []int64{}
	for _, order := range orders {
		listed = append(listed, parseID(order))
	}
	s.tell(map[string]any{"shop_id": shopID, "shop_domain": s.options.Domain, "orders_to_redact": listed,
		"customer": map[string]any{"id": c.ID, "email": c.Email, "phone": null(c.Phone)}}, "customers/redact")
	return nil
}

// RequestData is what a customer does who asks the shop what it holds of them.
func (s *Server) RequestData(id string, orders ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.customer(id)
	if err != nil {
		return err
	}
	listed := []int64{}
	for _, order := range orders {
		listed = append(listed, parseID(order))
	}
	s.tell(map[string]any{"shop_id": shopID, "shop_domain": s.options.Domain, "orders_requested": listed,
		"customer": map[string]any{"id": c.ID, "email": c.Email, "phone": null(c.Phone)}, "data_request": map[string]any{"id": s.nextID()}}, "customers/data_request")
	return nil
}

// RedactShop is what Shopify asks for 48 hours after the app was uninstalled.
func (s *Server) RedactShop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(map[string]any{"shop_id": shopID, "shop_domain": s.options.Domain}, "shop/redact")
}

// Customer is a copy of one.
func (s *Server) Customer(id string) (Customer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.customer(id)
	if err != nil {
		return Customer{}, false
	}
	return *c.clone(), true
}

// Order is a copy of one.
func (s *Server) Order(id string) (Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[parseID(id)]
	if o == nil {
		return Order{}, false
	}
	return *o.clone(), true
}

// Customers are copies of all of them, by their ids.
func (s *Server) Customers() []Customer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Customer
	for _, c := range sorted(s.customers) {
		all = append(all, *c.clone())
	}
	return all
}

// Counts are how many customers and orders there are.
func (s *Server) Counts() (customers, orders int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.customers), len(s.orders)
}

func (s *Server) customer(id string) (*Customer, error) {
	c := s.customers[parseID(id)]
	if c == nil {
		return nil, fmt.Errorf("there is no customer %s", id)
	}
	return c, nil
}

func parseID(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
