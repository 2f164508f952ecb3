package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// mutations are those of the API that are there.
func (s *Server) mutations() map[string]func(map[string]any) (any, error) {
	return map[string]func(map[string]any) (any, error){
		"customerSet": s.customerSet, "customerUpdate": s.customerUpdate, "customerAddressUpdate": s.addressUpdate,
		"customerAddressCreate": s.addressCreate, "customerEmailMarketingConsentUpdate": s.emailConsent,
		"customerSmsMarketingConsentUpdate": s.smsConsent, "orderUpdate": s.orderUpdate,
	}
}

// payload is what every mutation answers.
func payload(customer *thing, errors []any) *thing {
	return payloadOf(map[string]any{"customer": customer}, errors)
}

func payloadOf(holds map[string]any, errors []any) *thing {
	if holds["userErrors"] = errors; errors == nil {
		holds["userErrors"] = []any{}
	}
	return &thing{"Payload", holds}
}

// input is an object among the arguments, whose names must be known.
func input(value any, of string, known ...string) (map[string]any, error) {
	in, ok := value.(map[string]any)
	if !ok {
		return nil, coded("INVALID_VARIABLE", "Variable of type "+of+" was provided invalid value")
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !slices.Contains(known, name) {
			p := coded("INVALID_VARIABLE", fmt.Sprintf("Variable of type %s was provided invalid value for %s (Field is not defined on %s)", of, name, of))
			p.Extensions["problems"] = []any{map[string]any{"path": []string{name}, "explanation": "Field is not defined on " + of}}
			return nil, p
		}
	}
	return in, nil
}

var customerFields = []string{"email", "firstName", "lastName", "locale", "note", "phone", "tags", "taxExempt"}

// set writes an input into a customer: what it does not name stays, null clears.
func (c *Customer) set(in map[string]any) {
	for name, into := range map[string]*string{
		"email": &c.Email, "firstName": &c.FirstName, "lastName": &c.LastName, "locale": &c.Locale, "note": &c.Note, "phone": &c.Phone,
	} {
		if value, ok := in[name]; ok {
			*into, _ = value.(string)
		}
	}
	if exempt, ok := in["taxExempt"].(bool); ok {
		c.TaxExempt = exempt
	}
	if all, ok := in["tags"].([]any); ok {
		c.Tags = nil
		for _, tag := range all {
			text, _ := tag.(string)
			c.Tags = append(c.Tags, text)
		}
	}
	c.normalise()
}

func (s *Server) customerSet(args map[string]any) (any, error) {
	c, topic, err := s.meant(args["identifier"])
	if err != nil {
		return nil, err
	}
	in, err := input(args["input"], "CustomerSetInput", append(customerFields, "addresses")...)
	if err != nil {
		return nil, err
	}
	c.set(in)
	if list, ok := in["addresses"].([]any); ok {
		c.Address, c.Others = nil, nil // those that are not listed are deleted
		for _, one := range list {
			a, err := s.newAddress(one)
			if err != nil {
				return nil, err
			}
			c.Address = a
		}
	}
	if refused := s.refuse(c); refused != nil {
		for _, e := range refused {
			t := e.(*thing)
			if path, ok := t.fields["field"].([]string); ok {
				t.fields["field"] = append([]string{"input"}, path...)
			}
		}
		return payload(nil, refused), nil
	}
	if c.ID == 0 {
		c.ID = s.nextID()
	}
	s.keep(c, topic)
	return payload(s.customerThing(c), nil), nil
}

// meant is the customer that an identifier is about, or a new one with it; without an identifier, a new one.
func (s *Server) meant(identifier any) (c *Customer, topic string, err error) {
	c = &Customer{CreatedAt: s.now()}
	if identifier == nil {
		return c, "customers/create", nil
	}
	found, err := s.byIdentifier(identifier)
	if err != nil {
		return nil, "", err
	}
	if is := found.(*thing); is != nil {
		return s.customers[local("Customer", is.fields["id"])].clone(), "customers/update", nil
	}
	c.RecordID = identifier.(map[string]any)["customId"].(map[string]any)["value"].(string)
	return c, "customers/create", nil
}

// keep stores a customer that changed, and tells of it.
func (s *Server) keep(c *Customer, topics ...string) {
	c.UpdatedAt = s.now()
	s.customers[c.ID] = c
	s.tell(c.body(), topics...)
}

// nobody is the user error about a customer that is not there.
func nobody(path string) *thing {
	return payload(nil, []any{userError("NOT_FOUND", "Customer does not exist", path)})
}

func noAddress(path string) *thing {
	return payloadOf(map[string]any{"address": (*thing)(nil)}, []any{userError("NOT_FOUND", "Customer does not exist", path)})
}

func (s *Server) customerUpdate(args map[string]any) (any, error) {
	in, err := input(args["input"], "CustomerInput", append(customerFields, "id")...)
	if err != nil {
		return nil, err
	}
	c := s.customers[local("Customer", in["id"])]
	if c == nil {
		return nobody("id"), nil
	}
	c = c.clone()
	c.set(in)
	if refused := s.refuse(c); refused != nil {
		return payload(nil, refused), nil
	}
	s.keep(c, "customers/update")
	return payload(s.customerThing(c), nil), nil
}

// newAddress is an input as an address: what it does not name is null.
func (s *Server) newAddress(value any) (*Address, error) {
	in, err := input(value, "MailingAddressInput", append(addressFields, "countryCode", "country")...)
	if err != nil {
		return nil, err
	}
	a := &Address{ID: s.nextID(), Fields: map[string]string{}}
	for name, v := range in {
		a.Fields[name], _ = v.(string)
	}
	if code := a.Fields["provinceCode"]; code != "" {
		a.Fields["province"] = "Province " + code
	}
	return a, nil
}

func (s *Server) addressUpdate(args map[string]any) (any, error) {
	c := s.customers[local("Customer", args["customerId"])]
	if c == nil || c.Address == nil || c.Address.ID != local("MailingAddress", args["addressId"]) {
		return noAddress("addressId"), nil
	}
	return s.readdress(c, args)
}

func (s *Server) addressCreate(args map[string]any) (any, error) {
	c := s.customers[local("Customer", args["customerId"])]
	if c == nil {
		return noAddress("customerId"), nil
	}
	return s.readdress(c, args)
}

func (s *Server) readdress(c *Customer, args map[string]any) (any, error) {
	a, err := s.newAddress(args["address"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"firstName", "lastName", "company", "address1"} {
		if isTag.MatchString(a.Fields[name]) {
			return payloadOf(map[string]any{"address": (*thing)(nil)}, []any{userError("INVALID", name+" cannot contain HTML tags", "address", name)}), nil
		}
	}
	c = c.clone()
	if c.Address != nil {
		a.ID = c.Address.ID
	}
	c.Address = a
	s.keep(c, "customers/update")
	return payloadOf(map[string]any{"address": a.thing()}, nil), nil
}

func (s *Server) emailConsent(args map[string]any) (any, error) {
	return s.consent(args, "emailMarketingConsent", "customers_email_marketing_consent/update",
		func(c *Customer) (*Consent, string) { return &c.EmailConsent, c.Email })
}

func (s *Server) smsConsent(args map[string]any) (any, error) {
	return s.consent(args, "smsMarketingConsent", "customers_marketing_consent/update",
		func(c *Customer) (*Consent, string) { return &c.SMSConsent, c.Phone })
}

func (s *Server) consent(args map[string]any, name, topic string, of func(*Customer) (*Consent, string)) (any, error) {
	in, err := input(args["input"], "ConsentUpdateInput", "customerId", name)
	if err != nil {
		return nil, err
	}
	decision, err := input(in[name], "ConsentInput", "marketingState", "consentUpdatedAt", "marketingOptInLevel")
	if err != nil {
		return nil, err
	}
	c := s.customers[local("Customer", in["customerId"])]
	if c == nil {
		return nobody("customerId"), nil
	}
	c = c.clone()
	into, address := of(c)
	state, _ := decision["marketingState"].(string)
	switch {
	case address == "":
		return payload(nil, []any{userError("MISSING_ARGUMENT", "There is no address for it", "input", "customerId")}), nil
	case state != "SUBSCRIBED" && state != "UNSUBSCRIBED" && state != "PENDING":
		return payload(nil, []any{userError("INVALID", "Cannot specify "+state+" as a marketing state input", "input", name, "marketingState")}), nil
	}
	text, _ := decision["consentUpdatedAt"].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at = s.now()
	}
	*into = Consent{state, at.UTC()}
	s.keep(c, topic, "customers/update")
	return payload(s.customerThing(c), nil), nil
}
