package sandbox

import (
	"net/http"
	"reflect"
	"strings"
)

// plainFields of a customer are written as they are.
var plainFields = []string{"name", "email", "phone", "description", "tax_exempt"}

var addressFields = []string{"line1", "line2", "city", "state", "postal_code", "country"}

func (s *Server) createCustomer(_ *http.Request, f form) reply {
	o := object{"id": s.newID("cus"), "object": "customer", "created": s.options.Now().Unix(), "livemode": false, "metadata": object{},
		"name": nil, "email": nil, "phone": nil, "description": nil, "address": nil, "shipping": nil, "currency": nil, "balance": 0,
		"delinquent": false, "tax_exempt": "none", "preferred_locales": []any{}, "invoice_prefix": "TEST", "default_source": nil}
	if bad := s.write(o, f); bad != nil {
		return *bad
	}
	s.add(o)
	s.emit("customer.created", o, nil)
	return ok(o)
}

func (s *Server) updateCustomer(r *http.Request, f form) reply {
	o := s.objects[r.PathValue("id")]
	if o == nil || o["deleted"] != nil {
		return missing(r.PathValue("id"))
	}
	next := clone(o)
	if bad := s.write(next, f); bad != nil {
		return *bad
	}
	before := object{}
	for name, value := range next {
		if !reflect.DeepEqual(value, clone(o)[name]) {
			before[name] = o[name]
		}
	}
	s.objects[r.PathValue("id")] = next
	if len(before) > 0 {
		s.emit("customer.updated", next, before)
	}
	return ok(next)
}

// write sets a customer's fields; an empty text clears.
func (s *Server) write(o object, f form) *reply {
	for name := range f {
		if !known[name] {
			bad := problem(http.StatusBadRequest, "invalid_request_error", "parameter_unknown", name, "Received unknown parameter: "+name)
			return &bad
		}
	}
	if email, is := f.text("email"); is && email != "" && !strings.Contains(email, "@") {
		bad := problem(http.StatusBadRequest, "invalid_request_error", "email_invalid", "email", "Invalid email address: "+email)
		return &bad
	}
	if phone, is := f.text("phone"); is && len(phone) > 20 {
		bad := problem(http.StatusBadRequest, "invalid_request_error", "", "phone", "Invalid string: "+phone+"; must be at most 20 characters")
		return &bad
	}
	for _, name := range plainFields {
		if value, is := f.text(name); is {
			o[name] = none(value)
		}
	}
	if email, is := o["email"].(string); is && s.options.LowerEmail {
		o["email"] = strings.ToLower(email)
	}
	if o["tax_exempt"] == nil {
		o["tax_exempt"] = "none"
	}
	if address := f.child("address"); address != nil {
		o["address"] = merged(o["address"], address, addressFields)
	} else if _, is := f.text("address"); is {
		o["address"] = nil
	}
	if bad := writeShipping(o, f); bad != nil {
		return bad
	}
	if locales := f.child("preferred_locales"); locales != nil {
		if first, is := locales.text("0"); is {
			o["preferred_locales"] = []any{first}
		} else {
			o["preferred_locales"] = []any{}
		}
	}
	metadata := clone(object{"m": o["metadata"]})["m"].(object)
	for key, value := range f.child("metadata") {
		if value == "" {
			delete(metadata, key)
		} else {
			metadata[key] = value
		}
	}
	o["metadata"] = metadata
	return nil
}

var known = map[string]bool{"name": true, "email": true, "phone": true, "description": true, "tax_exempt": true, "address": true,
	"shipping": true, "preferred_locales": true, "metadata": true}

func writeShipping(o object, f form) *reply {
	if _, is := f.text("shipping"); is {
		o["shipping"] = nil
	}
	in := f.child("shipping")
	if in == nil {
		return nil
	}
	before, _ := o["shipping"].(object)
	name, _ := in.text("name")
	if name == "" {
		bad := problem(http.StatusBadRequest, "invalid_request_error", "parameter_missing", "shipping[name]", "Missing required param: shipping[name].")
		return &bad
	}
	out := object{"name": name, "phone": nil, "address": nil}
	if before != nil {
		out["phone"], out["address"] = before["phone"], before["address"]
	}
	if phone, is := in.text("phone"); is {
		out["phone"] = none(phone)
	}
	if address := in.child("address"); address != nil {
		out["address"] = merged(out["address"], address, addressFields)
	}
	o["shipping"] = out
	return nil
}

// merged sets the fields that are given; nil where all are empty.
func merged(before any, in form, fields []string) any {
	out := object{}
	if old, is := before.(object); is {
		for name, value := range old {
			out[name] = value
		}
	}
	empty := true
	for _, name := range fields {
		if value, is := in.text(name); is {
			out[name] = none(value)
		} else if _, there := out[name]; !there {
			out[name] = nil
		}
		empty = empty && out[name] == nil
	}
	if empty {
		return nil
	}
	return out
}

func none(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Server) deleteCustomer(r *http.Request, _ form) reply {
	id := r.PathValue("id")
	o := s.objects[id]
	if o == nil || o["deleted"] != nil {
		return missing(id)
	}
	s.emit("customer.deleted", o, nil)
	s.objects[id] = object{"id": id, "object": "customer", "deleted": true}
	return ok(s.objects[id])
}

func (s *Server) get(r *http.Request, _ form) reply {
	o := s.objects[r.PathValue("id")]
	if o == nil {
		return missing(r.PathValue("id"))
	}
	return ok(o)
}

// searchCustomers knows the one query that matters: metadata['key']:'value'. It sees writes at once, where Stripe's lags.
func (s *Server) searchCustomers(r *http.Request, _ form) reply {
	parts := strings.Split(r.URL.Query().Get("query"), "'")
	if len(parts) != 5 || parts[0] != "metadata[" {
		return problem(http.StatusBadRequest, "invalid_request_error", "", "query", "the query cannot be parsed")
	}
	found := []any{}
	for _, id := range s.order {
		o := s.objects[id]
		if metadata, is := o["metadata"].(object); is && o["object"] == "customer" && metadata[parts[1]] == parts[3] {
			found = append(found, o)
		}
	}
	return ok(object{"object": "search_result", "url": "/v1/customers/search", "has_more": false, "data": found})
}

// Edit is what a user of Stripe's dashboard does to a customer: fields by their names as parameters, such as
// "address[city]". An empty text clears.
func (s *Server) Edit(id string, fields map[string]string) error {
	values := map[string][]string{}
	for name, value := range fields {
		values[name] = []string{value}
	}
	r, _ := http.NewRequest(http.MethodPost, "/v1/customers/"+id, nil) // never fails
	r.SetPathValue("id", id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if out := s.updateCustomer(r, parse(values)); out.status != http.StatusOK {
		return refused(out.body)
	}
	return nil
}

type refused []byte

func (r refused) Error() string { return "the simulated Stripe refuses: " + string(r) }
