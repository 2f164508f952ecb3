package xero

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// sale is the type of the invoices that are carried; the others are bills, and what is paid or credited before.
const sale = "ACCREC"

// invoices is the mapping of sales invoices, one row an attribute.
func (o options) invoices() *kind {
	return &kind{
		Kind: mapping.Kind{
			Name: invoice, Vendor: "Xero", IsID: isID, Sparse: true, Guarded: true, Complete: o.completeInvoice,
			Message: func() proto.Message { return &canonicalv1.Invoice{} },
			Rows: []mapping.Row{
				mapping.Plain("number", "InvoiceNumber").AtMost(255).Required("an invoice in Xero always has a number").
					Losing("Xero numbers drafts, too, and an invoice without a number by itself."),
				// The contact is named by its id and nothing else: whatever else is in it Xero writes to the contact.
				mapping.Link("customer", "ContactID", isID, func(id string) any { return id }).Required("an invoice in Xero always has a contact").
					Within(readContact, "Contact"),
				mapping.Of("lines", []string{"LineItems"}, readLines, writeLines).
					Losing("Of lines that are written go text, quantity, price, discount and tax; their sum, and a tax that is not told, follow in Xero. Ids are not read, since lines are made anew."),
				mapping.Currency("currency_code", "CurrencyCode").ReadOnly().Losing("A new invoice has the currency of its lines, and keeps it."),
				amountOf("subtotal", "SubTotal"),
				amountOf("tax_total", "TotalTax"),
				amountOf("total", "Total"),
				amountOf("amount_paid", "AmountPaid"),
				amountOf("amount_due", "AmountDue"),
				mapping.Of("taxes_included", []string{"LineAmountTypes"}, readTaxesIncluded, writeTaxesIncluded).CreateOnly().
					Losing("Xero's third form, without any tax, is read as not included. Later it is written with the lines alone."),
				mapping.Of("status", []string{"Status"}, readStatus, writeStatus).Required("an invoice in Xero always has a status").
					Losing("Paid, in part or in full, is written as approved, since payments are not carried. What is void is deleted in Xero before it is approved, and voided after."),
				dated(dateOf("issue_time", "Date"), (*canonicalv1.Invoice).GetIssueTime),
				dated(dateOf("due_time", "DueDate"), (*canonicalv1.Invoice).GetDueTime),
				dateOf("paid_time", "FullyPaidOnDate"),
				mapping.Plain("purchase_order_number", "Reference").AtMost(255),
			},
			Own: []string{
				"InvoiceID", "Type", "BrandingThemeID", "Url", "CurrencyRate", "SentToContact", "ExpectedPaymentDate", "ExpectedPaymentDateString", "PlannedPaymentDate",
				"PlannedPaymentDateString", "CISDeduction", "CISRate", "TotalDiscount", "RoundingAmount", "EnteredTotal", "RepeatingInvoiceID", "HasAttachments", "IsDiscounted",
				"Payments", "Prepayments", "Overpayments", "AmountCredited", "UpdatedDateUTC", "UpdatedDateUTCString", "CreditNotes", "Attachments", "HasErrors",
				"StatusAttributeString", "ValidationErrors", "Warnings", "InvoiceAddresses", "InvoicePaymentServices", "HasValidationErrors",
			},
		},
		many: "Invoices", id: "InvoiceID", sort: "Type", maxPage: 200,
		asked: url.Values{"unitdp": {"4"}}, listed: url.Values{"where": {`Type=="` + sale + `"`}, "order": {"InvoiceId"}},
		gone: func(o *object) bool { return o.text("Type") != sale },
		recordID: func(o *object) string { // what is behind the link's last slash
			link := o.text("Url")
			return link[strings.LastIndex(link, "/")+1:]
		},
		settle: o.settleInvoice,
		lacks: map[adapters.Ability]string{
			adapters.DeleteWebhooks: "Invoices are voided, or deleted before they are approved, and stay: each is a status.",
			adapters.Merges:         "Xero merges no invoices.",
			adapters.PullsDeletes:   "Invoices are voided, or deleted before they are approved, and stay: each is a status.",
			adapters.Archives:       "What is voided or deleted in Xero cannot be taken back.",
		},
	}
}

func (o options) completeInvoice(p adapters.Patch, w fields) (fields, string) {
	switch {
	case w["Contact"] == nil || w["LineItems"] == nil:
		return nil, "Xero takes no invoice without a contact and lines"
	case w["Status"] == voided || w["Status"] == deleted:
		return nil, "an invoice that is void is not made"
	}
	return fields{"Type": sale, "Url": o.RecordURL + p.RecordID}, ""
}

func amountOf(path, field string) mapping.Row {
	return mapping.ValueOf(path, []string{field}, func(r *mapping.Reading) *canonicalv1.Money { return amount(r, r.Text(field)) })
}

// dateOf maps a day. field+"String" is the same in ISO 8601.
func dateOf(path, field string) mapping.Row {
	return mapping.ValueOf(path, []string{field, field + "String"}, func(r *mapping.Reading) *timestamppb.Timestamp {
		raw := cmp.Or(r.Text(field), r.Text(field+"String"))
		at, ok := day(raw)
		if !ok && raw != "" {
			r.Unusable(raw, "it is no date")
		}
		if !ok {
			return nil
		}
		return timestamppb.New(at)
	})
}

// dated writes the date of a time in UTC.
func dated(row mapping.Row, get func(*canonicalv1.Invoice) *timestamppb.Timestamp) mapping.Row {
	return mapping.WrittenBy(row, func(i *canonicalv1.Invoice, w fields) string {
		if at := get(i); at != nil {
			w[row.Fields[0]] = at.AsTime().Format(time.DateOnly)
		}
		return ""
	}).Required("Xero takes no date away from an invoice").Losing("Xero keeps a date.")
}

func readContact(r *mapping.Reading) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if raw := r.Text("Contact"); raw != "" && json.Unmarshal(r.Fields["Contact"], &out) != nil {
		r.Unusable(raw, "it is no object")
	}
	return out
}

// Whether lines' amounts contain tax, in Xero's words.
const (
	inclusive = "Inclusive"
	exclusive = "Exclusive"
	untaxed   = "NoTax"
)

func readTaxesIncluded(r *mapping.Reading, i *canonicalv1.Invoice) {
	switch how := r.Text("LineAmountTypes"); how {
	case "":
	case inclusive, exclusive, untaxed:
		i.TaxesIncluded = proto.Bool(how == inclusive)
	default:
		r.Unknown("LineAmountTypes=" + how)
		r.Unusable(how, "it is no form that we know")
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
	voided     = "VOIDED"
	deleted    = "DELETED"
)

var statuses = mapping.Words[canonicalv1.InvoiceStatus]{
	"draft":      canonicalv1.InvoiceStatus_INVOICE_STATUS_DRAFT,
	"submitted":  canonicalv1.InvoiceStatus_INVOICE_STATUS_AWAITING_APPROVAL,
	"authorised": canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN,
	"paid":       canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID,
	"voided":     canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID,
	"deleted":    canonicalv1.InvoiceStatus_INVOICE_STATUS_DELETED,
}

// readStatus takes an approved invoice of which something is paid for paid in part.
func readStatus(r *mapping.Reading, i *canonicalv1.Invoice) {
	statuses.Say(r, i, "Status", r.Text("Status"))
	if i.GetStatus() == canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN && positive(r.Text("AmountPaid")) {
		i.Status = canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID.Enum()
	}
}

func writeStatus(i *canonicalv1.Invoice, w fields) string {
	status := i.GetStatus()
	switch status {
	case canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID, canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID:
		status = canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN
	}
	word, ok := statuses.Word(status)
	if !ok && (status != 0 || i.GetStatusRaw() != "") {
		return "Xero has no such status"
	}
	w["Status"] = strings.ToUpper(word)
	return ""
}

// nexts are the statuses that a status can become.
var nexts = map[string][]string{
	draft:      {draft, submitted, authorised, deleted},
	submitted:  {submitted, draft, authorised, deleted},
	authorised: {authorised, voided},
}

// settleInvoice brings lines and status into Xero's form, and refuses what the invoice's state does not let happen.
func (o options) settleInvoice(now *object, c change, f *fault.Error) fields {
	out, is := c.object, now.text("Status")
	if f.Message = locked(now); f.Message != "" {
		for _, path := range c.paths {
			f.Refuse(path, f.Message)
		}
		return nil
	}
	if lines, ok := out["LineItems"].([]any); ok {
		out["LineItems"] = o.settleLines(now, lines)
		if code := out["CurrencyCode"]; !now.isNew() { // it has one, which is not written
			delete(out, "CurrencyCode")
			if code != nil && code != now.text("CurrencyCode") {
				f.Refuse("lines", "the invoice is in another currency, and Xero changes none")
			}
		}
	}
	if want, ok := out["Status"].(string); ok && !now.isNew() {
		if want = ended(is, want); !slices.Contains(nexts[is], want) {
			f.Refuse("status", "Xero does not let an invoice of its status become that")
		}
		if out["Status"] = want; want == voided || want == deleted { // with which nothing else is written
			return fields{"Status": want}
		}
	}
	return out
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
	case o.isNew():
		return ""
	case nexts[o.text("Status")] == nil:
		return "an invoice that is paid, void or deleted takes no change in Xero"
	case positive(o.text("AmountPaid")) || positive(o.text("AmountCredited")):
		return "an invoice with payments or credits takes no change in Xero"
	}
	return ""
}
