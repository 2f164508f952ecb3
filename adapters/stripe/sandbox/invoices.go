package sandbox

import (
	"net/http"
	"strconv"
)

// createInvoice makes a draft for a customer with one line of `amount` (a parameter of the sandbox alone: Stripe has
// invoice items for that).
func (s *Server) createInvoice(_ *http.Request, f form) reply {
	customer, _ := f.text("customer")
	if s.objects[customer] == nil {
		return problem(http.StatusBadRequest, "invalid_request_error", "resource_missing", "customer", "No such customer: '"+customer+"'")
	}
	currency, is := f.text("currency")
	if !is {
		currency = "eur"
	}
	text, _ := f.text("amount")
	amount, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return problem(http.StatusBadRequest, "invalid_request_error", "", "amount", "Invalid integer")
	}
	id := s.newID("in")
	line := object{"id": s.newID("il"), "object": "line_item", "amount": amount, "currency": currency, "description": "Services", "quantity": 1,
		"discount_amounts": []any{}, "taxes": []any{}, "period": object{"start": s.options.Now().Unix(), "end": s.options.Now().Unix()},
		"pricing": object{"type": "price_details", "unit_amount_decimal": text}}
	o := object{"id": id, "object": "invoice", "created": s.options.Now().Unix(), "livemode": false, "number": nil, "status": "draft",
		"customer": customer, "customer_email": s.objects[customer]["email"], "customer_name": s.objects[customer]["name"], "customer_address": nil,
		"currency": currency, "subtotal": amount, "total": amount, "amount_due": amount, "amount_paid": 0, "amount_remaining": amount,
		"billing_reason": "manual", "due_date": nil, "period_start": s.options.Now().Unix(), "period_end": s.options.Now().Unix(),
		"total_discount_amounts": []any{}, "total_taxes": []any{}, "parent": nil, "metadata": object{}, "description": nil,
		"hosted_invoice_url": nil, "invoice_pdf": nil, "status_transitions": object{"finalized_at": nil, "paid_at": nil, "voided_at": nil, "marked_uncollectible_at": nil},
		"lines": object{"object": "list", "has_more": false, "url": "/v1/invoices/" + id + "/lines", "data": []any{line}}}
	s.add(o)
	s.emit("invoice.created", o, nil)
	s.bill(customer, currency)
	return ok(o)
}

// bill gives a customer the currency of its first invoice.
func (s *Server) bill(customer, currency string) {
	if s.objects[customer]["currency"] != nil {
		return
	}
	next := clone(s.objects[customer])
	next["currency"] = currency
	s.objects[customer] = next
	s.emit("customer.updated", next, object{"currency": nil})
}

func (s *Server) updateInvoice(r *http.Request, f form) reply {
	o := s.objects[r.PathValue("id")]
	if o == nil {
		return missing(r.PathValue("id"))
	}
	next, before := clone(o), object{}
	if text, is := f.text("description"); is {
		next["description"], before["description"] = none(text), o["description"]
	}
	if text, is := f.text("due_date"); is {
		due, err := strconv.ParseInt(text, 10, 64)
		switch {
		case o["status"] != "draft":
			return problem(http.StatusBadRequest, "invalid_request_error", "invoice_not_editable", "due_date", "You can only change due_date on draft invoices")
		case err != nil:
			return problem(http.StatusBadRequest, "invalid_request_error", "parameter_invalid_integer", "due_date", "Invalid integer: "+text)
		default:
			next["due_date"] = due
		}
		before["due_date"] = o["due_date"]
	}
	s.objects[r.PathValue("id")] = next
	s.emit("invoice.updated", next, before)
	return ok(next)
}

// deleteInvoice deletes a draft.
func (s *Server) deleteInvoice(r *http.Request, _ form) reply {
	id := r.PathValue("id")
	o := s.objects[id]
	switch {
	case o == nil:
		return missing(id)
	case o["status"] != "draft":
		return problem(http.StatusBadRequest, "invalid_request_error", "invoice_not_editable", "", "You can only delete draft invoices")
	}
	delete(s.objects, id)
	s.emit("invoice.deleted", o, nil)
	return ok(object{"id": id, "object": "invoice", "deleted": true})
}

// moves are the calls that move an invoice: the state it must be in, the one it gets, the time that is noted, the event.
var moves = map[string]struct{ from, to, at, event string }{
	"finalize": {"draft", "open", "finalized_at", "invoice.finalized"},
	"pay":      {"open", "paid", "paid_at", "invoice.paid"},
	"void":     {"open", "void", "voided_at", "invoice.voided"},
}

func (s *Server) moveInvoice(r *http.Request, _ form) reply {
	o := s.objects[r.PathValue("id")]
	move, is := moves[r.PathValue("state")]
	if o == nil || !is {
		return missing(r.PathValue("id"))
	}
	if o["status"] != move.from {
		return problem(http.StatusBadRequest, "invalid_request_error", "invoice_not_editable", "", "the invoice is not "+move.from)
	}
	next := clone(o)
	next["status"] = move.to
	next["status_transitions"].(object)[move.at] = s.options.Now().Unix()
	switch move.to {
	case "open":
		next["number"] = "TEST-" + strconv.Itoa(s.lastID)
	case "paid":
		next["amount_paid"], next["amount_remaining"], next["amount_due"] = next["total"], 0, next["total"]
	}
	s.objects[r.PathValue("id")] = next
	s.emit(move.event, next, nil)
	return ok(next)
}

func (s *Server) invoiceLines(r *http.Request, _ form) reply {
	o := s.objects[r.PathValue("id")]
	if o == nil {
		return missing(r.PathValue("id"))
	}
	return ok(o["lines"])
}
