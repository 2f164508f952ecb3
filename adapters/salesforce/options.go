package salesforce

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// options are a connection's own; README.md says what they mean.
type options struct {
	APIVersion string `json:"api_version"`
	Customer   string `json:"customer"`
	Account    string `json:"account"`
	ExternalID string `json:"external_id"`
	LoginURL   string `json:"login_url"`
	Currency   string `json:"currency"`
	Labels     struct {
		TicketStatus   table `json:"ticket_status"`
		TicketPriority table `json:"ticket_priority"`
		TicketType     table `json:"ticket_type"`
		TicketChannel  table `json:"ticket_channel"`
		OrderStatus    table `json:"order_status"`
	} `json:"labels"`
}

// What is a customer in the org.
const (
	byContact = "contact"
	byAccount = "account"
)

// org is what a connection's options come to.
type org struct {
	// root is where the API is: "/services/data/v65.0/".
	root string
	// external is the field that keeps our record's id.
	external string
	login    string
	// currency is that of all amounts; empty in an org where each row has its own.
	currency string
	// account is the one that contacts made by the hub belong to; empty for none.
	account string
	// byAccount says that an account is a customer, not a contact.
	byAccount bool

	statuses   labels[canonicalv1.TicketStatus]
	priorities labels[canonicalv1.TicketPriority]
	types      labels[canonicalv1.TicketType]
	channels   labels[canonicalv1.TicketChannel]
	orders     labels[canonicalv1.OrderStatus]

	kinds map[adapters.Kind]*kind
}

// The labels that an org has when it is new.
var (
	newStatuses   = table{"new": {"New"}, "open": {"Working", "Escalated"}, "closed": {"Closed"}}
	newPriorities = table{"high": {"High"}, "normal": {"Medium"}, "low": {"Low"}}
	newTypes      = table{"question": {"Question"}, "problem": {"Problem"}}
	newChannels   = table{"email": {"Email"}, "phone": {"Phone"}, "web": {"Web"}}
	newOrders     = table{"draft": {"Draft"}, "open": {"Activated"}}
)

var (
	versionForm  = regexp.MustCompile(`^v?(5[2-9]|[6-9][0-9]|[1-9][0-9]{2})\.0$`)
	fieldForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}__c$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

func read(s adapters.Settings) (*org, error) {
	var o options
	if err := s.DecodeOptions(&o); err != nil {
		return nil, fmt.Errorf("salesforce: %w", err)
	}
	return compile(o)
}

// judge collects mistakes.
type judge struct{ errs []error }

func (j *judge) wrong(reason string, at ...string) {
	j.errs = append(j.errs, &adapters.Mistake{At: at, Reason: reason})
}

// compile judges all options; the error has every mistake.
func compile(o options) (*org, error) {
	var j judge
	version := versionForm.FindStringSubmatch(cmp.Or(o.APIVersion, "v65.0"))
	if version == nil {
		j.wrong("it is no version of which all that is needed is there: v52.0 or a later one", "api_version")
		version = []string{"", "65"}
	}
	out := &org{root: "/services/data/v" + version[1] + ".0/", external: cmp.Or(o.ExternalID, "canonhub_id__c"), login: strings.TrimSuffix(o.LoginURL, "/"), currency: o.Currency}
	if !fieldForm.MatchString(out.external) {
		j.wrong("it is no custom field; give its API name, such as canonhub_id__c", "external_id")
	}
	switch cmp.Or(o.Customer, byContact) {
	case byContact:
	case byAccount:
		out.byAccount = true
	default:
		j.wrong("set it to "+byContact+" or "+byAccount, "customer")
	}
	if isID(o.Account) && strings.HasPrefix(o.Account, "001") && !out.byAccount {
		out.account = long(o.Account)
	} else if o.Account != "" {
		j.wrong("give the id of the account that new contacts belong to; accounts have none", "account")
	}
	if u, err := url.Parse(out.login); out.login != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		j.wrong("give the host where people log in, such as https://login.salesforce.com", "login_url")
	}
	if o.Currency != "" && !currencyForm.MatchString(o.Currency) {
		j.wrong("it is no currency code of ISO 4217; leave it out where the org has several currencies", "currency")
	}
	out.statuses = compileLabels[canonicalv1.TicketStatus](&j, "ticket_status", o.Labels.TicketStatus, newStatuses, nearest)
	out.priorities = compileLabels[canonicalv1.TicketPriority](&j, "ticket_priority", o.Labels.TicketPriority, newPriorities, calmer)
	out.types = compileLabels[canonicalv1.TicketType](&j, "ticket_type", o.Labels.TicketType, newTypes, nil)
	out.channels = compileLabels[canonicalv1.TicketChannel](&j, "ticket_channel", o.Labels.TicketChannel, newChannels, nil)
	out.orders = compileLabels[canonicalv1.OrderStatus](&j, "order_status", o.Labels.OrderStatus, newOrders, nil)
	if out.orders.writes[canonicalv1.OrderStatus_ORDER_STATUS_DRAFT] == "" {
		j.wrong("name the label of draft: an order begins with it", "labels", "order_status")
	}
	out.kinds = map[adapters.Kind]*kind{customer: out.made(out.customers()), ticket: out.made(out.cases()), order: out.made(out.sales())}
	return out, errors.Join(j.errs...)
}

func (o *org) carriages() []adapters.Carriage {
	return []adapters.Carriage{o.kinds[customer].carriage(), o.kinds[ticket].carriage(), o.kinds[order].carriage()}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
