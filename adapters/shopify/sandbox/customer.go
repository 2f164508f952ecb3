package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Customer is one of the shop's. Empty texts are null.
type Customer struct {
	ID                  int64
	FirstName, LastName string
	Email, Phone        string
	Locale, Note        string
	Tags                []string
	TaxExempt           bool
	EmailConsent        Consent
	SMSConsent          Consent
	// Address is the default one, Others are further ones.
	Address *Address
	Others  []*Address
	// RecordID is the metafield canonhub.record_id.
	RecordID             string
	CreatedAt, UpdatedAt time.Time
}

// Consent is a decision on marketing; an empty State is none.
type Consent struct {
	State string
	At    time.Time
}

// Address is a mailing address. Fields are those of MailingAddressInput, by name, and empty texts are null.
type Address struct {
	ID     int64
	Fields map[string]string
}

func (a *Address) clone() *Address {
	if a == nil {
		return nil
	}
	fields := map[string]string{}
	for name, text := range a.Fields {
		fields[name] = text
	}
	return &Address{a.ID, fields}
}

func (c *Customer) clone() *Customer {
	out := *c
	out.Tags, out.Address = slices.Clone(c.Tags), c.Address.clone()
	return &out
}

func (s *Server) customerThing(c *Customer) *thing {
	if c == nil {
		return nil
	}
	locale := c.Locale
	if locale == "" {
		locale = "en"
	}
	return &thing{"Customer", map[string]any{
		"id": global("Customer", c.ID), "createdAt": c.CreatedAt.Format(time.RFC3339), "updatedAt": c.UpdatedAt.Format(time.RFC3339), "firstName": null(c.FirstName), "lastName": null(c.LastName),
		"defaultEmailAddress": c.emailThing(), "defaultPhoneNumber": c.phoneThing(), "defaultAddress": c.Address.thing(), "locale": locale,
		"note": null(c.Note), "tags": slices.Clone(c.Tags), "taxExempt": c.TaxExempt, "metafield": metafield(c.RecordID),
	}}
}

// metafield is the one that keeps our ids.
func metafield(record string) lazy {
	return func(args map[string]any) (any, error) {
		if args["namespace"] != "canonhub" || args["key"] != "record_id" || record == "" {
			return (*thing)(nil), nil
		}
		return &thing{"Metafield", map[string]any{"value": record}}, nil
	}
}

func moment(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339)
}

func (c *Customer) emailThing() *thing {
	if c.Email == "" {
		return nil
	}
	state := c.EmailConsent.State
	if state == "" {
		state = "NOT_SUBSCRIBED"
	}
	return &thing{"CustomerEmailAddress", map[string]any{"emailAddress": c.Email, "marketingState": state, "marketingUpdatedAt": moment(c.EmailConsent.At)}}
}

func (c *Customer) phoneThing() *thing {
	if c.Phone == "" {
		return nil
	}
	state := c.SMSConsent.State
	if state == "" {
		state = "NEVER_SUBSCRIBED"
	}
	return &thing{"CustomerPhoneNumber", map[string]any{"phoneNumber": c.Phone,
		"smsMarketingConsent": &thing{"CustomerSmsMarketingConsent", map[string]any{"state": state, "updatedAt": moment(c.SMSConsent.At)}}}}
}

func (a *Address) thing() *thing {
	if a == nil {
		return nil
	}
	out := map[string]any{"id": global("MailingAddress", a.ID), "countryCodeV2": null(a.Fields["countryCode"]), "country": null(a.Fields["countryCode"])}
	for _, name := range addressFields {
		out[name] = null(a.Fields[name])
	}
	return &thing{"MailingAddress", out}
}

var addressFields = []string{"firstName", "lastName", "company", "address1", "address2", "city", "province", "provinceCode", "zip", "phone"}

// byIdentifier looks a customer up by what is unique.
func (s *Server) byIdentifier(identifier any) (any, error) {
	by, _ := identifier.(map[string]any)
	if custom, ok := by["customId"].(map[string]any); ok {
		if s.options.WithoutDefinition || custom["namespace"] != "canonhub" || custom["key"] != "record_id" {
			return nil, coded("NOT_FOUND", "Metafield definition of type 'id' is required when using custom ids.")
		}
		return s.customerThing(s.find(func(c *Customer) bool { return c.RecordID != "" && c.RecordID == custom["value"] })), nil
	}
	if email, ok := by["emailAddress"].(string); ok {
		return s.customerThing(s.find(func(c *Customer) bool { return c.Email != "" && strings.EqualFold(c.Email, email) })), nil
	}
	return nil, coded("INVALID_VARIABLE", "Variable $by of type CustomerIdentifierInput! was provided invalid value")
}

func (s *Server) find(is func(*Customer) bool) *Customer {
	all := sorted(s.customers)
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return nil
}

var (
	isEmail = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	isPhone = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	isTag   = regexp.MustCompile(`<[^ ]`)
)

// normalise is what Shopify makes of a customer that was written.
func (c *Customer) normalise() {
	c.Email = strings.ToLower(strings.TrimSpace(c.Email))
	c.Tags = tags(c.Tags)
	if c.Email == "" {
		c.EmailConsent = Consent{}
	}
	if c.Phone == "" {
		c.SMSConsent = Consent{}
	}
}

func tags(all []string) []string {
	out := []string{}
	for _, tag := range all {
		tag = strings.TrimSpace(tag)
		if tag != "" && !slices.ContainsFunc(out, func(t string) bool { return strings.EqualFold(t, tag) }) {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return out
}

// refuse is what is wrong with a customer.
func (s *Server) refuse(c *Customer) (all []any) {
	add := func(code, message string, path ...string) { all = append(all, userError(code, message, path...)) }
	if c.Email != "" && !isEmail.MatchString(c.Email) {
		add("INVALID", "Email is invalid", "email")
	}
	if c.Phone != "" && !isPhone.MatchString(c.Phone) {
		add("INVALID", "Phone is invalid", "phone")
	}
	if isTag.MatchString(c.FirstName) {
		add("INVALID", "First name cannot contain HTML tags", "firstName")
	}
	if isTag.MatchString(c.LastName) {
		add("INVALID", "Last name cannot contain HTML tags", "lastName")
	}
	other := func(is func(*Customer) bool) bool {
		return s.find(func(o *Customer) bool { return o.ID != c.ID && is(o) }) != nil
	}
	if c.Email != "" && other(func(o *Customer) bool { return o.Email == c.Email }) {
		add("TAKEN", "Email has already been taken", "email")
	}
	if c.Phone != "" && other(func(o *Customer) bool { return o.Phone == c.Phone }) {
		add("TAKEN", "Phone has already been taken", "phone")
	}
	if c.Email == "" && c.Phone == "" && c.FirstName == "" && c.LastName == "" {
		add("BLANK", "A name, phone number, or email address must be present")
	}
	return all
}

func userError(code, message string, path ...string) any {
	var field any
	if len(path) > 0 {
		field = path
	}
	return &thing{"UserError", map[string]any{"field": field, "message": message, "code": code}}
}
