package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// nexts are the statuses that a status can become.
var nexts = map[string][]string{
	"DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"}, "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"}, "AUTHORISED": {"AUTHORISED", "VOIDED"},
}

// accounts are those of the chart that sales go to.
var accounts = []string{"200", "260"}

// rates are the organisation's taxes, in percent; the first is the accounts' own.
var rates = map[string]int64{"OUTPUT2": 15, "NONE": 0, "ZERORATED": 0}

func (s *Server) blankInvoice() *Object {
	zero := decimal.Zero
	today := s.options.Now().UTC().Truncate(24 * time.Hour)
	return &Object{Fields: map[string]any{
		"Type": "ACCREC", "Status": "DRAFT", "LineAmountTypes": "Exclusive", "CurrencyCode": "NZD", "CurrencyRate": decimal.New(1, 0), "Date": today, "LineItems": []Line{},
		"SubTotal": zero, "TotalTax": zero, "Total": zero, "AmountDue": zero, "AmountPaid": zero, "AmountCredited": zero, "Reference": "",
		"SentToContact": false, "IsDiscounted": false, "HasAttachments": false, "HasErrors": false, "Payments": []any{}, "CreditNotes": []any{}, "Prepayments": []any{},
		"Overpayments": []any{}, "BrandingThemeID": "dabc7637-62c1-4941-8a6e-ee44fa5090e7",
	}}
}

func (s *Server) judgeInvoice(w write) (*Object, func(), []string) {
	o, category := w.to, "UPDATE"
	if o == nil {
		o, category = s.blankInvoice(), "CREATE"
	}
	next := maps.Clone(o.Fields)
	if errors := s.fill(next, w); len(errors) > 0 {
		return o, nil, errors
	}
	if errors := s.wrongInvoice(o, next); len(errors) > 0 {
		return o, nil, errors
	}
	reckon(next)
	return o, func() {
		if o.ID == "" {
			o.ID = uuid()
			s.tables[invoices].objects[o.ID] = o
			if textIn(next, "InvoiceNumber") == "" {
				s.numbered++
				next["InvoiceNumber"] = fmt.Sprintf("INV-%04d", s.numbered)
			}
		}
		if payer := s.tables[contacts].objects[textIn(next, "ContactID")]; payer != nil { // which is no change of the contact
			if textIn(next, "Type") == "ACCREC" {
				payer.Fields["IsCustomer"] = true
			} else {
				payer.Fields["IsSupplier"] = true
			}
		}
		o.Fields, o.Changed = next, s.now()
		s.tell("INVOICE", category, o)
	}, nil
}

// fill takes what is sent.
func (s *Server) fill(next map[string]any, w write) (errors []string) {
	for _, name := range []string{"Type", "InvoiceNumber", "Reference", "Status", "LineAmountTypes", "CurrencyCode", "Url", "BrandingThemeID"} {
		if raw, ok := w.in[name]; ok {
			next[name] = strings.TrimSpace(textOf(raw))
		}
	}
	for _, name := range []string{"Date", "DueDate"} {
		if raw, ok := w.in[name]; ok {
			at, err := readDate(textOf(raw))
			if err != nil {
				return []string{fmt.Sprintf("The date '%s' is not a valid date", textOf(raw))}
			}
			next[name] = at
		}
	}
	if raw, ok := w.in["Contact"]; ok {
		var contact map[string]json.RawMessage
		_ = json.Unmarshal(raw, &contact) // without one, none is named
		next["ContactID"] = textOf(contact["ContactID"])
	}
	if raw, ok := w.in["LineItems"]; ok {
		var sent []map[string]json.RawMessage
		if json.Unmarshal(raw, &sent) != nil {
			return []string{"The line items cannot be read."}
		}
		next["LineItems"], errors = readLines(sent, w.unitdp)
	}
	return errors
}

var dates = regexp.MustCompile(`^/Date\((-?[0-9]+)(\+0000)?\)/$`)

func readDate(text string) (time.Time, error) {
	if found := dates.FindStringSubmatch(text); found != nil {
		millis, err := strconv.ParseInt(found[1], 10, 64)
		return time.UnixMilli(millis).UTC().Truncate(24 * time.Hour), err
	}
	return time.Parse(time.DateOnly, text[:min(len(text), 10)])
}

// readLines reads the lines that replace all that were there; one that keeps its id is the same line.
func readLines(sent []map[string]json.RawMessage, unitdp int32) (lines []Line, errors []string) {
	for _, in := range sent {
		l := Line{ID: textOf(in["LineItemID"]), Description: strings.TrimSpace(textOf(in["Description"])), ItemCode: textOf(in["ItemCode"]),
			AccountCode: textOf(in["AccountCode"]), TaxType: textOf(in["TaxType"]), Quantity: decimal.New(1, 0), Tracking: in["Tracking"]}
		if l.ID == "" {
			l.ID = uuid()
		}
		numbers := map[string]*decimal.Decimal{}
		for _, name := range []string{"Quantity", "UnitAmount", "LineAmount", "TaxAmount", "DiscountRate", "DiscountAmount"} {
			if raw, ok := in[name]; ok {
				number, err := decimal.NewFromString(strings.Trim(string(raw), `"`))
				if err != nil {
					return nil, []string{fmt.Sprintf("The %s %s of a line item is no number.", name, raw)}
				}
				numbers[name] = &number
			}
		}
		switch _, taxed := rates[l.TaxType]; {
		case l.Description == "":
			errors = append(errors, "Description must be at least 1 character for a line item.")
		case l.AccountCode != "" && !slices.Contains(accounts, l.AccountCode):
			errors = append(errors, fmt.Sprintf("Account code '%s' is not a valid code for this document.", l.AccountCode))
		case l.TaxType != "" && !taxed:
			errors = append(errors, fmt.Sprintf("The TaxType code '%s' does not exist or cannot be used for this type of transaction.", l.TaxType))
		}
		errors = append(errors, l.reckon(numbers, unitdp)...)
		lines = append(lines, l)
	}
	return lines, errors
}

// reckon takes a line's numbers: prices have two decimals unless four are asked for.
func (l *Line) reckon(numbers map[string]*decimal.Decimal, unitdp int32) []string {
	if q := numbers["Quantity"]; q != nil {
		l.Quantity = q.Round(4)
	}
	l.DiscountRate, l.DiscountAmount = numbers["DiscountRate"], numbers["DiscountAmount"]
	sent := numbers["LineAmount"]
	switch u := numbers["UnitAmount"]; {
	case u != nil:
		l.UnitAmount = u.Round(unitdp)
	case sent != nil && !l.Quantity.IsZero():
		l.UnitAmount = sent.DivRound(l.Quantity, unitdp)
	}
	l.LineAmount = l.Quantity.Mul(l.UnitAmount)
	switch {
	case l.DiscountAmount != nil:
		l.LineAmount = l.LineAmount.Sub(*l.DiscountAmount)
	case l.DiscountRate != nil:
		l.LineAmount = l.LineAmount.Mul(decimal.New(100, 0).Sub(*l.DiscountRate)).Div(decimal.New(100, 0))
	}
	l.LineAmount = l.LineAmount.Round(2)
	if sent != nil && numbers["UnitAmount"] == nil {
		l.LineAmount = sent.Round(2)
	}
	if sent != nil && !sent.Round(2).Equal(l.LineAmount) {
		return []string{fmt.Sprintf("The line total %s does not match the expected line total %s", sent, l.LineAmount)}
	}
	if l.TaxType == "" {
		l.TaxType = "NONE"
		if l.AccountCode != "" {
			l.TaxType = "OUTPUT2"
		}
	}
	l.TaxAmount = decimal.New(-1, 9) // to be reckoned
	if tax := numbers["TaxAmount"]; tax != nil {
		l.TaxAmount = tax.Round(2)
	}
	return nil
}

// reckon sums an invoice up: tax by line, rounded, unless it was sent.
func reckon(next map[string]any) {
	hundred, how := decimal.New(100, 0), textIn(next, "LineAmountTypes")
	subtotal, tax := decimal.Zero, decimal.Zero
	lines := slices.Clone(next["LineItems"].([]Line))
	for i := range lines {
		l := &lines[i]
		rate := decimal.New(rates[l.TaxType], 0)
		switch {
		case how == "NoTax":
			l.TaxAmount = decimal.Zero
		case !l.TaxAmount.Equal(decimal.New(-1, 9)):
		case how == "Inclusive":
			l.TaxAmount = l.LineAmount.Mul(rate).Div(hundred.Add(rate)).Round(2)
		default:
			l.TaxAmount = l.LineAmount.Mul(rate).Div(hundred).Round(2)
		}
		subtotal, tax = subtotal.Add(l.LineAmount), tax.Add(l.TaxAmount)
		if how == "Inclusive" {
			subtotal = subtotal.Sub(l.TaxAmount)
		}
	}
	next["LineItems"], next["SubTotal"], next["TotalTax"], next["Total"] = lines, subtotal, tax, subtotal.Add(tax)
	settle(next)
}

// settle says what is due, and whether all is paid.
func settle(next map[string]any) {
	number := func(name string) decimal.Decimal { return next[name].(decimal.Decimal) }
	due := number("Total").Sub(number("AmountPaid")).Sub(number("AmountCredited"))
	next["AmountDue"] = due
	switch status := textIn(next, "Status"); {
	case status == "VOIDED" || status == "DELETED":
		next["AmountDue"] = decimal.Zero
	case status == "AUTHORISED" && due.IsZero() && number("Total").IsPositive():
		next["Status"] = "PAID"
	}
}

// wrongInvoice says what is wrong with an invoice. Like Xero, it quotes values.
func (s *Server) wrongInvoice(o *Object, next map[string]any) []string {
	was, is, number := o.Text("Status"), textIn(next, "Status"), textIn(next, "InvoiceNumber")
	if o.ID == "" {
		was = "DRAFT"
	}
	switch {
	case !slices.Contains(nexts[was], is):
		return []string{"Invoice not of valid status for modification"}
	case o.ID != "" && (o.Number("AmountPaid").IsPositive() || o.Number("AmountCredited").IsPositive()):
		return []string{"This document cannot be edited as it has a payment or credit note allocated to it."}
	}
	var errors []string
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			errors = append(errors, fmt.Sprintf(format, args...))
		}
	}
	for _, id := range sortedKeys(s.tables[invoices].objects) {
		each := s.tables[invoices].objects[id]
		taken := each != o && each.Text("Type") == "ACCREC" && each.Text("Status") != "DELETED" && each.Text("InvoiceNumber") == number
		say(taken && number != "" && textIn(next, "Type") == "ACCREC", "Invoice # must be unique.")
	}
	payer := s.tables[contacts].objects[textIn(next, "ContactID")]
	say(payer == nil, "A Contact must be specified for this type of transaction")
	say(payer != nil && payer.Text("ContactStatus") != active && textIn(next, "ContactID") != o.Text("ContactID"),
		"The contact with the specified contact details has been archived. The contact must be un-archived before creating new invoices or credit notes.")
	lines := next["LineItems"].([]Line)
	say(len(lines) == 0, "One or more line items must be specified")
	say(!slices.Contains(currencies, textIn(next, "CurrencyCode")), "Organisation is not subscribed to currency %s", textIn(next, "CurrencyCode"))
	say(!slices.Contains([]string{"Exclusive", "Inclusive", "NoTax"}, textIn(next, "LineAmountTypes")), "The LineAmountTypes %s is not valid.", textIn(next, "LineAmountTypes"))
	if is == "AUTHORISED" {
		say(next["DueDate"] == nil, "The invoice must have a due date to be approved")
		say(slices.ContainsFunc(lines, func(l Line) bool { return l.AccountCode == "" }), "Account code must be specified for each line")
	}
	return errors
}
