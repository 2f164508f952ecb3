package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/shopspring/decimal"
)

// The functions here are what people do in Xero's own pages.

// Make is what a person does on "New contact" or "New invoice": `fields` are as on the wire; of an invoice `Contact` may be a
// contact's id, and a bill has the Type ACCPAY.
func (s *Server) Make(many string, fields map[string]any) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.by(many, nil, fields)
	if err != nil {
		return "", err
	}
	return o.ID, nil
}

// Import makes objects as an import does: all at one time.
func (s *Server) Import(many string, all []map[string]any) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now()
	s.stopped = true
	defer func() { s.stopped = false }()
	var ids []string
	for _, fields := range all {
		o, err := s.by(many, nil, fields)
		if err != nil {
			return nil, err
		}
		ids = append(ids, o.ID)
	}
	return ids, nil
}

// Edit changes fields.
func (s *Server) Edit(many, id string, fields map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.tables[many].objects[id]
	if o == nil {
		return fmt.Errorf("there is nothing %s among %s", id, many)
	}
	_, err := s.by(many, o, fields)
	return err
}

// by writes as a person does, by the rules that clients keep.
func (s *Server) by(many string, o *Object, fields map[string]any) (*Object, error) {
	fields = maps.Clone(fields)
	if id, ok := fields["Contact"].(string); ok {
		fields["Contact"] = map[string]string{"ContactID": id}
	}
	in := map[string]json.RawMessage{}
	for name, value := range fields {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		in[name] = raw
	}
	o, apply, wrong := s.judge(write{many, in, o, 4})
	if len(wrong) > 0 {
		return nil, errors.New(wrong[0])
	}
	apply()
	return o, nil
}

// Archive takes a contact out of use.
func (s *Server) Archive(id string) error {
	return s.turn(id, active, map[string]any{"ContactStatus": archived})
}

// Restore takes an archived contact into use again, unless another has its name by now.
func (s *Server) Restore(id string) error {
	s.mu.Lock()
	o := s.tables[contacts].objects[id]
	taken := o != nil && s.named(o.Text("Name")) != nil
	s.mu.Unlock()
	if taken {
		return errors.New("another contact has the name")
	}
	return s.turn(id, archived, map[string]any{"ContactStatus": active, "MergedToContactID": ""})
}

// Forget is what is done where a person asks to be forgotten.
func (s *Server) Forget(id string) error {
	return s.turn(id, active, map[string]any{"ContactStatus": forgotten})
}

// turn brings a contact from one state into another.
func (s *Server) turn(id, from string, fields map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.tables[contacts].objects[id]
	if o == nil || o.Text("ContactStatus") != from {
		return fmt.Errorf("there is no contact %s that is %s", id, from)
	}
	maps.Copy(o.Fields, fields)
	o.Changed = s.now()
	s.tell("CONTACT", "UPDATE", o)
	return nil
}

// Merge merges one contact into another: its invoices go over, and it is archived.
func (s *Server) Merge(loser, winner string) error {
	s.mu.Lock()
	if to := s.tables[contacts].objects[winner]; to == nil || to.Text("ContactStatus") != active || loser == winner {
		s.mu.Unlock()
		return fmt.Errorf("there is no contact %s to merge into", winner)
	}
	s.mu.Unlock()
	if err := s.turn(loser, active, map[string]any{"ContactStatus": archived, "MergedToContactID": winner}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range sortedKeys(s.tables[invoices].objects) {
		if o := s.tables[invoices].objects[id]; o.Text("ContactID") == loser {
			o.Fields["ContactID"], o.Changed = winner, s.now()
			s.tell("INVOICE", "UPDATE", o)
		}
	}
	to := s.tables[contacts].objects[winner]
	to.Changed = s.now()
	s.tell("CONTACT", "UPDATE", to)
	return nil
}

// Pay enters a payment of an approved invoice.
func (s *Server) Pay(id, amount string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	paid, err := decimal.NewFromString(amount)
	o := s.tables[invoices].objects[id]
	if err != nil || o == nil || o.Text("Status") != "AUTHORISED" || paid.GreaterThan(o.Number("AmountDue")) {
		return fmt.Errorf("%s cannot be paid of invoice %s", amount, id)
	}
	next := maps.Clone(o.Fields)
	next["AmountPaid"] = o.Number("AmountPaid").Add(paid)
	settle(next)
	o.Changed = s.now()
	if next["Status"] == "PAID" {
		next["FullyPaidOnDate"] = o.Changed
	}
	o.Fields = next
	s.tell("INVOICE", "UPDATE", o)
	return nil
}

// Tell sends an event of another category or organisation, of which an app's one webhook brings all.
func (s *Server) Tell(tenant, category, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.emit(happened(tenant, category, "UPDATE", id, s.now()))
}
