package xero

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// sale is the type of the invoices that are carried; the others are bills, and what is paid or credited before.
const sale = "ACCREC"

// invoices is the mapping of sales invoices, one row an attribute. Nothing changes it.
var invoices = &kind{
	name: invoice, one: "invoice", many: "Invoices", id: "InvoiceID", sort: "Type", maxPage: 200,
	asked: url.Values{"unitdp": {"4"}}, listed: url.Values{"where": {`Type=="` + sale + `"`}, "order": {"InvoiceId"}},
	message: func() proto.Message { return &canonicalv1.Invoice{} },
	rows: []row{
		plain("number", "InvoiceNumber", 255, (*canonicalv1.Invoice).GetNumber, func(i *canonicalv1.Invoice, v string) { i.Number = &v }).
			required("an invoice in Xero always has a number").losing("Xero numbers drafts, too, and an invoice without a number by itself."),
		mapped("customer", "Contact", readContact, writeContact).required("an invoice in Xero always has a contact"),
		mapped("lines", "LineItems", readLines, writeLines).
			losing("Of lines that are written go text, quantity, price, discount and tax; their sum, and a tax that is not told, follow in Xero. Ids are not read, since lines are made anew."),
		mapped("currency_code", "CurrencyCode", readCurrency, nil).losing("A new invoice has the currency of its lines, and keeps it."),
		amountOf("subtotal", "SubTotal", func(i *canonicalv1.Invoice, m *canonicalv1.Money) { i.Subtotal = m }),
		amountOf("tax_total", "TotalTax", func(i *canonicalv1.Invoice, m *canonicalv1.Money) { i.TaxTotal = m }),
		amountOf("total", "Total", func(i *canonicalv1.Invoice, m *canonicalv1.Money) { i.Total = m }),
		amountOf("amount_paid", "AmountPaid", func(i *canonicalv1.Invoice, m *canonicalv1.Money) { i.AmountPaid = m }),
		amountOf("amount_due", "AmountDue", func(i *canonicalv1.Invoice, m *canonicalv1.Money) { i.AmountDue = m }),
		mapped("taxes_included", "LineAmountTypes", readTaxesIncluded, writeTaxesIncluded).onCreateAlone().
			losing("Xero's third form, without any tax, is read as not included. Later it is written with the lines alone."),
		mapped("status", "Status", readStatus, writeStatus).required("an invoice in Xero always has a status").
			losing("Paid, in part or in full, is written as approved, since payments are not carried. What is void is deleted in Xero before it is approved, and voided after."),
		dateOf("issue_time", "Date", (*canonicalv1.Invoice).GetIssueTime, func(i *canonicalv1.Invoice, t *timestamppb.Timestamp) { i.IssueTime = t }),
		dateOf("due_time", "DueDate", (*canonicalv1.Invoice).GetDueTime, func(i *canonicalv1.Invoice, t *timestamppb.Timestamp) { i.DueTime = t }),
		mapped("paid_time", "FullyPaidOnDate", func(r *reading, i *canonicalv1.Invoice) { i.PaidTime = r.date("paid_time", "FullyPaidOnDate") }, nil),
		plain("purchase_order_number", "Reference", 255, (*canonicalv1.Invoice).GetPurchaseOrderNumber, func(i *canonicalv1.Invoice, v string) { i.PurchaseOrderNumber = &v }),
	},
	own: []string{
		"InvoiceID", "Type", "BrandingThemeID", "Url", "CurrencyRate", "SentToContact", "ExpectedPaymentDate", "ExpectedPaymentDateString", "PlannedPaymentDate",
		"PlannedPaymentDateString", "CISDeduction", "CISRate", "TotalDiscount", "RoundingAmount", "EnteredTotal", "RepeatingInvoiceID", "HasAttachments", "IsDiscounted",
		"Payments", "Prepayments", "Overpayments", "AmountCredited", "UpdatedDateUTC", "UpdatedDateUTCString", "CreditNotes", "Attachments", "HasErrors",
		"StatusAttributeString", "ValidationErrors", "Warnings", "InvoiceAddresses", "DateString", "DueDateString", "InvoicePaymentServices", "HasValidationErrors",
	},
	gone:     func(o *object) end { return end{gone: o.text("Type") != sale} },
	recordID: func(o *object) string { return lastPart(o.text("Url")) },
	create: func(a *api, recordID string, w fields) string {
		if w["Contact"] == nil || w["LineItems"] == nil {
			return "Xero takes no invoice without a contact and lines"
		}
		if w["Status"] == voided || w["Status"] == deleted {
			return "an invoice that is void is not made"
		}
		w["Type"], w["Url"] = sale, a.options.RecordURL+recordID
		return ""
	},
	locked: locked,
	settle: settleInvoice,
	lacks: map[adapters.Ability]string{
		adapters.DeleteWebhooks: "Invoices are voided, or deleted before they are approved, and stay: each is a status.",
		adapters.Merges:         "Xero merges no invoices.",
		adapters.PullsDeletes:   "Invoices are voided, or deleted before they are approved, and stay: each is a status.",
		adapters.Archives:       "What is voided or deleted in Xero cannot be taken back.",
	},
}

// lastPart is what is behind the last slash of a link.
func lastPart(link string) string { return link[strings.LastIndex(link, "/")+1:] }

func amountOf(path, field string, set func(*canonicalv1.Invoice, *canonicalv1.Money)) row {
	return mapped(path, field, func(r *reading, i *canonicalv1.Invoice) {
		if m := r.amount(path, r.text(field)); m != nil {
			set(i, m)
		}
	}, nil)
}

func dateOf(path, field string, get func(*canonicalv1.Invoice) *timestamppb.Timestamp, set func(*canonicalv1.Invoice, *timestamppb.Timestamp)) row {
	return mapped(path, field,
		func(r *reading, i *canonicalv1.Invoice) {
			if at := r.date(path, field); at != nil {
				set(i, at)
			}
		},
		func(i *canonicalv1.Invoice, w fields) string {
			w[field] = day(get(i))
			return ""
		}).required("Xero takes no date away from an invoice").losing("Xero keeps a date.")
}

func readContact(r *reading, i *canonicalv1.Invoice) {
	raw := text(r.nested("customer", "Contact")["ContactID"])
	switch {
	case isID(raw):
		i.Customer = external(raw)
	case raw != "":
		r.unusable("customer", raw, "it is no id")
	}
}

func external(id string) *canonicalv1.Reference {
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

// writeContact names the contact by its id and nothing else: whatever else is in it Xero writes to the contact.
func writeContact(i *canonicalv1.Invoice, w fields) string {
	id := i.GetCustomer().GetExternal().GetExternalId()
	if id == "" {
		return ""
	}
	w["Contact"] = fields{"ContactID": id}
	if !isID(id) {
		return "it is no contact's id"
	}
	return ""
}

func readCurrency(r *reading, i *canonicalv1.Invoice) {
	raw := r.text("CurrencyCode")
	switch {
	case currency.MatchString(raw):
		i.CurrencyCode = &raw
	case raw != "":
		r.unusable("currency_code", raw, "it is no currency's code")
	}
}

// Whether lines' amounts contain tax, in Xero's words.
const (
	inclusive = "Inclusive"
	exclusive = "Exclusive"
	untaxed   = "NoTax"
)

func readTaxesIncluded(r *reading, i *canonicalv1.Invoice) {
	switch how := r.text("LineAmountTypes"); how {
	case "":
	case inclusive, exclusive, untaxed:
		i.TaxesIncluded = proto.Bool(how == inclusive)
	default:
		r.unknown("LineAmountTypes=" + how)
		r.unusable("taxes_included", how, "it is no form that we know")
	}
}

func writeTaxesIncluded(i *canonicalv1.Invoice, w fields) string {
	switch {
	case i.TaxesIncluded == nil:
	case i.GetTaxesIncluded():
		w["LineAmountTypes"] = inclusive
	default:
		w["LineAmountTypes"] = exclusive
	}
	return ""
}

// Xero's statuses of an invoice.
const (
	draft      = "DRAFT"
	submitted  = "SUBMITTED"
	authorised = "AUTHORISED"
	paid       = "PAID"
	voided     = "VOIDED"
	deleted    = "DELETED"
)

var statuses = map[string]canonicalv1.InvoiceStatus{
	draft:      canonicalv1.InvoiceStatus_INVOICE_STATUS_DRAFT,
	submitted:  canonicalv1.InvoiceStatus_INVOICE_STATUS_AWAITING_APPROVAL,
	authorised: canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN,
	paid:       canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID,
	voided:     canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID,
	deleted:    canonicalv1.InvoiceStatus_INVOICE_STATUS_DELETED,
}

// readStatus takes an approved invoice of which something is paid for paid in part.
func readStatus(r *reading, i *canonicalv1.Invoice) {
	name := r.text("Status")
	if name == "" {
		return
	}
	status, ok := statuses[name]
	switch {
	case !ok:
		r.unknown("Status=" + name)
		i.StatusRaw = &name
	case name == authorised && positive(r.text("AmountPaid")):
		status = canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID
	}
	i.Status = &status
}

// positive says that a number is above zero.
func positive(text string) bool {
	number, ok := exact(text)
	return ok && number != "0" && !strings.HasPrefix(number, "-")
}

func writeStatus(i *canonicalv1.Invoice, w fields) string {
	status := i.GetStatus()
	switch status {
	case canonicalv1.InvoiceStatus_INVOICE_STATUS_UNSPECIFIED:
		if i.GetStatusRaw() != "" {
			return "Xero has no such status"
		}
		return ""
	case canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID, canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID:
		status = canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN
	}
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		if statuses[name] == status {
			w["Status"] = name
			return ""
		}
	}
	return "Xero has no such status"
}

// nexts are the statuses that a status can become.
var nexts = map[string][]string{
	draft:      {draft, submitted, authorised, deleted},
	submitted:  {submitted, draft, authorised, deleted},
	authorised: {authorised, voided},
}

// settleInvoice brings lines and status into Xero's form, and refuses what the invoice's state does not let happen.
func settleInvoice(a *api, now *object, w fields) (fields, map[string]string) {
	out, refused := maps.Clone(w), map[string]string{}
	if lines, ok := w["LineItems"].([]any); ok {
		settled, why := a.settleLines(now, lines, out)
		out["LineItems"] = settled
		if why != "" {
			refused["lines"] = why
		}
	}
	if now == nil {
		return out, refused
	}
	is := now.text("Status")
	if want, ok := out["Status"].(string); ok {
		if want = ended(is, want); !slices.Contains(nexts[is], want) {
			refused["status"] = "Xero does not let an invoice of its status become that"
		}
		if out["Status"] = want; want == voided || want == deleted { // with which nothing else is written
			return fields{"Status": want}, refused
		}
	}
	return out, refused
}

// ended is how an invoice comes to its end: it is deleted before it is approved, and voided after.
func ended(is, want string) string {
	switch {
	case want != voided && want != deleted:
		return want
	case is == authorised:
		return voided
	}
	return deleted
}

// locked says why an invoice takes no change any more; empty where it does.
func locked(o *object) string {
	switch {
	case nexts[o.text("Status")] == nil:
		return "an invoice that is paid, void or deleted takes no change in Xero"
	case positive(o.text("AmountPaid")) || positive(o.text("AmountCredited")):
		return "an invoice with payments or credits takes no change in Xero"
	}
	return ""
}
