package xero

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// wording is how Xero words a complaint, and what it means. Xero gives complaints no codes.
type wording struct {
	kind adapters.Kind
	// words are all in it, in lower case.
	words []string
	// paths are the attributes that it may be about; nil means each that is written.
	paths []string
	// reason is it in words of ours.
	reason string
}

// The complaints that mean more than a refusal.
var (
	nameTaken          = wording{customer, []string{"contact name", "already assigned"}, []string{"name", "company"}, "another contact of Xero's has the name, and names are unique there"}
	numberTaken        = wording{customer, []string{"contact number", "already assigned"}, []string{}, "an archived contact has the record's id: restore it in Xero, or take the number away"}
	isArchived         = wording{customer, []string{"archived contact"}, nil, "the contact is archived"}
	invoiceNumberTaken = wording{invoice, []string{"invoice #", "unique"}, []string{"number"}, "another invoice has the number"}
)

// wordings are tried in their order. Nothing changes them.
var wordings = []wording{
	nameTaken, numberTaken, isArchived, invoiceNumberTaken,
	{customer, []string{"email"}, []string{"email"}, "Xero does not take the address"},
	{customer, []string{"currency"}, []string{"currency_code"}, "the organisation does not have the currency"},
	{customer, []string{"tax number"}, []string{"tax_ids"}, "Xero does not take the number"},
	{customer, []string{"phone"}, []string{"phone", "mobile_phone"}, "Xero does not take the number"},
	{customer, []string{"country"}, []string{"billing_address.country_code", "shipping_address.country_code"}, "Xero does not take the country"},
	{customer, []string{"name"}, []string{"name", "company"}, "Xero does not take the name"},
	{invoice, []string{"status for modification"}, nil, "the invoice's status takes no such change"},
	{invoice, []string{"payment or credit note"}, nil, "an invoice with payments or credits takes no change in Xero"},
	{invoice, []string{"lock date"}, []string{"issue_time"}, "its date is in a period that is locked in Xero"},
	{invoice, []string{"limit of invoices"}, []string{"status"}, "the organisation's plan lets no more invoices be approved"},
	{invoice, []string{"contact"}, []string{"customer"}, "Xero does not take the contact: it may be archived"},
	{invoice, []string{"due date"}, []string{"due_time", "status"}, "Xero does not take the date"},
	{invoice, []string{"currency"}, []string{"lines"}, "the organisation does not have the currency"},
	{invoice, []string{"tax"}, []string{"lines"}, "Xero does not take a line's tax: see tax_type"},
	{invoice, []string{"account"}, []string{"lines", "status"}, "a line has no account, or one that cannot be used: see account_code"},
	{invoice, []string{"line"}, []string{"lines"}, "Xero does not take a line"},
	{invoice, []string{"item"}, []string{"lines"}, "Xero does not take a line"},
	{invoice, []string{"date"}, []string{"issue_time", "due_time"}, "Xero does not take the date"},
}

func (w wording) fits(complaint string) bool {
	return !slices.ContainsFunc(w.words, func(each string) bool { return !strings.Contains(complaint, each) })
}

func (p problem) says(w wording) bool { return slices.ContainsFunc(p.complaints(), w.fits) }

// change is what is written: the object as it is sent, and the attributes that it is sent for.
type change struct {
	kind   *kind
	object fields
	paths  []string
}

// settled is a change in Xero's form, given the object as it is.
func (c change) settled(op string, now *object) (change, error) {
	f := &fault.Error{Category: fault.Permanent, Op: op}
	c.object = c.kind.settle(now, c, f)
	if f.Refused == nil {
		return c, nil
	}
	f.Message = cmp.Or(f.Message, "Xero cannot hold all of it")
	return c, f
}

// judge adds to a fault which of the attributes that are written Xero did not take, and what else is wrong.
func (c change) judge(f *fault.Error, p problem) *fault.Error {
	if c.kind.Name == customer && p.says(isArchived) {
		f.Category, f.Message = fault.Gone, isArchived.reason
		return f
	}
	var others []string
	untold := 0
	for _, complaint := range p.complaints() {
		i := slices.IndexFunc(wordings, func(w wording) bool { return w.kind == c.kind.Name && w.fits(complaint) })
		if i < 0 {
			untold++
			continue
		}
		if !c.refuse(f, wordings[i]) && !slices.Contains(others, wordings[i].reason) {
			others = append(others, wordings[i].reason)
		}
	}
	if untold > 0 {
		others = append(others, fmt.Sprintf("and more (%d) in words that we do not know, which may quote values", untold))
	}
	f.Message = strings.Join(others, "; ")
	return f
}

// refuse names the attributes that a complaint is about; false where it is about none that is written.
func (c change) refuse(f *fault.Error, w wording) bool {
	told := false
	for _, path := range c.paths {
		if w.paths == nil || slices.Contains(w.paths, path) {
			f.Refuse(path, w.reason)
			told = true
		}
	}
	return told
}
