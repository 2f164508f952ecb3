package stripe

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v85"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// invoices is the mapping of invoices, one row an attribute. Fields that moved stand in both of their places. What others
// may set is the note and, on drafts, the due date; all else follows from what Stripe bills. Nothing changes it.
var invoices = &kind{
	Kind: mapping.Kind{
		Name: invoice, Vendor: "Stripe", IsID: isID, Sparse: true,
		Message: func() proto.Message { return &canonicalv1.Invoice{} },
		Rows: slices.Concat([]mapping.Row{
			mapping.Plain("number", "number").ReadOnly(),
			link("customer", "customer"),
			link("subscription", "parent[subscription_details][subscription]", "subscription"), // the first since basil
			mapping.Of("lines", []string{"lines[data]"}, readLines, nil),
			currency(),
			amount("subtotal", "subtotal"),
			amountOf("discount_total", []string{"total_discount_amounts"}, sumOf("total_discount_amounts")),
			amountOf("tax_total", []string{"total_taxes", "total_tax_amounts", "tax"}, sumOf("total_taxes", "total_tax_amounts", "tax")),
			amount("total", "total"),
			amount("amount_paid", "amount_paid"),
			amountOf("amount_due", []string{"amount_remaining", "amount_due"}, remaining),
			mapping.ReadBy(mapping.Choice("status", "status", invoiceStatuses, mapping.Same), readStatus).ReadOnly(),
			mapping.Time("issue_time", "status_transitions[finalized_at]", seconds),
			mapping.WrittenBy(mapping.Time("due_time", "due_date", seconds), writeDueTime).Losing("Stripe keeps whole seconds, and changes it on drafts alone."),
			mapping.Time("paid_time", "status_transitions[paid_at]", seconds),
			mapping.Time("void_time", "status_transitions[voided_at]", seconds),
			mapping.Time("period_start", "period_start", seconds),
			mapping.Time("period_end", "period_end", seconds),
			mapping.Choice("billing_reason", "billing_reason", billingReasons, mapping.Same).ReadOnly(),
			mapping.Plain("hosted_url", "hosted_invoice_url").ReadOnly(),
			mapping.Plain("document_url", "invoice_pdf").ReadOnly(),
			mapping.Plain("customer_name", "customer_name").ReadOnly(),
			mapping.Plain("customer_email", "customer_email").ReadOnly(),
			mapping.Plain("note", "description"),
		}, mapping.ReadOnly(address("billing_address", "customer_address"))),
		Own: fieldsOf(stripe.Invoice{}, "charge", "paid", "paid_out_of_band", "payment_intent", "subscription", "subscription_details", "tax",
			"tax_percent", "discount", "total_tax_amounts", "quote", "rendering_options", "application_fee_amount", "transfer_data",
			"amount_paid_off_stripe", "statement_description", "billing", "date", "closed", "forgiven", "finalized_at", "deleted", "customer_account"),
	},
	list:    "/v1/invoices",
	changes: map[string][]string{"type": {"invoice.*"}},
	lacks: map[adapters.Ability]string{
		adapters.Merges:   "Stripe merges no invoices.",
		adapters.Counts:   "Stripe's lists do not tell how long they are.",
		adapters.Creates:  "Stripe's invoices are made of what it bills; one that was made elsewhere would be billed again.",
		adapters.Archives: "Stripe voids invoices, which changes what is owed, and deletes drafts for good.",
	},
}

var invoiceStatuses = mapping.Words[canonicalv1.InvoiceStatus]{
	"draft":         canonicalv1.InvoiceStatus_INVOICE_STATUS_DRAFT,
	"open":          canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN,
	"paid":          canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID,
	"uncollectible": canonicalv1.InvoiceStatus_INVOICE_STATUS_UNCOLLECTIBLE,
	"void":          canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID,
}

var billingReasons = mapping.Words[canonicalv1.BillingReason]{
	"manual":                                 canonicalv1.BillingReason_BILLING_REASON_MANUAL,
	"subscription_create":                    canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_CREATE,
	"subscription_cycle":                     canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_CYCLE,
	"subscription":                           canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_CYCLE,
	"subscription_update":                    canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_UPDATE,
	"subscription_threshold":                 canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_THRESHOLD,
	"quote_accept":                           canonicalv1.BillingReason_BILLING_REASON_QUOTE_ACCEPT,
	"automatic_pending_invoice_item_invoice": canonicalv1.BillingReason_BILLING_REASON_PENDING_ITEMS,
}

// readStatus tells an open invoice of which a part is paid.
func readStatus(r *mapping.Reading, m *canonicalv1.Invoice) {
	invoiceStatuses.Say(r, m, "status", r.Text("status"))
	if paid, _ := strconv.ParseInt(r.Text("amount_paid"), 10, 64); m.GetStatus() == canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN && paid > 0 {
		m.Status = canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID.Enum()
	}
}

func writeDueTime(m *canonicalv1.Invoice, w mapping.Fields) string {
	if m.GetDueTime() == nil {
		return "a due date cannot be taken back at Stripe"
	}
	w["due_date"] = strconv.FormatInt(m.GetDueTime().GetSeconds(), 10)
	return ""
}

// either is the first of several fields that is there.
func either(r *mapping.Reading, names ...string) json.RawMessage {
	for _, name := range names {
		if raw := r.Fields[name]; mapping.Text(raw) != "" {
			return raw
		}
	}
	return nil
}

// share is an amount among several.
type share struct {
	Amount      json.Number `json:"amount"`
	TaxBehavior string      `json:"tax_behavior"` // since basil: inclusive, exclusive
	Inclusive   *bool       `json:"inclusive"`    // before
}

// sumOf adds what is in the first of several fields that is there, or takes it where it is one amount.
func sumOf(names ...string) func(*mapping.Reading) json.RawMessage {
	return func(r *mapping.Reading) json.RawMessage {
		raw := either(r, names...)
		var shares []share
		if json.Unmarshal(raw, &shares) != nil {
			return raw
		}
		total, err := sum(shares)
		if err != nil {
			return raw // as it stands, it is no amount
		}
		return number(total)
	}
}

func sum(shares []share) (total int64, err error) {
	for _, s := range shares {
		n, err := s.Amount.Int64()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func number(n int64) json.RawMessage { return json.RawMessage(strconv.FormatInt(n, 10)) }

// remaining is what is still to be paid. Stripe's amount_due does not fall when payments come in.
func remaining(r *mapping.Reading) json.RawMessage {
	due, errDue := strconv.ParseInt(r.Text("amount_due"), 10, 64)
	paid, errPaid := strconv.ParseInt(r.Text("amount_paid"), 10, 64)
	if r.Text("amount_remaining") != "" || errDue != nil || errPaid != nil {
		return r.Fields["amount_remaining"]
	}
	return number(due - paid)
}

// line is one of an invoice's.
type line struct {
	ID              string      `json:"id"`
	Amount          json.Number `json:"amount"`
	Currency        string      `json:"currency"`
	Description     string      `json:"description"`
	Quantity        json.Number `json:"quantity"`
	QuantityDecimal *string     `json:"quantity_decimal"`
	Discounts       []share     `json:"discount_amounts"`
	Taxes           []share     `json:"taxes"`       // since basil
	TaxOld          []share     `json:"tax_amounts"` // before
	Period          struct {
		Start json.Number `json:"start"`
		End   json.Number `json:"end"`
	} `json:"period"`
	Pricing *struct {
		UnitAmountDecimal string `json:"unit_amount_decimal"`
		PriceDetails      struct {
			Price   json.RawMessage `json:"price"`
			Product json.RawMessage `json:"product"`
		} `json:"price_details"`
	} `json:"pricing"` // since basil
	Price *struct {
		ID                string          `json:"id"`
		UnitAmountDecimal string          `json:"unit_amount_decimal"`
		Product           json.RawMessage `json:"product"`
	} `json:"price"` // before
}

func readLines(r *mapping.Reading, m *canonicalv1.Invoice) {
	var lines []line
	r.Get("lines[data]", &lines)
	for _, in := range lines {
		currency := in.Currency
		if currency == "" {
			currency = r.Text("currency")
		}
		m.Lines = append(m.Lines, in.read(r, strings.ToUpper(currency)))
	}
}

// read is a line in canonical form. Its total is after discounts; Stripe's own is before them.
func (in line) read(r *mapping.Reading, currency string) *canonicalv1.Line {
	out := &canonicalv1.Line{ExternalId: mapping.Some(in.ID), Title: mapping.Some(in.Description),
		PeriodStart: moment(in.Period.Start), PeriodEnd: moment(in.Period.End), Quantity: mapping.Some(in.Quantity.String())}
	if in.QuantityDecimal != nil {
		out.Quantity = mapping.Some(*in.QuantityDecimal)
	}
	gross, errGross := in.Amount.Int64()
	discounts, errDiscounts := sum(in.Discounts)
	switch {
	case in.Amount == "":
	case errGross != nil || errDiscounts != nil:
		r.Unusable(in.Amount.String(), "it, or a discount of it, is no amount in the smallest unit")
	default:
		out.Total = minor(r, number(gross-discounts), currency)
	}
	price, product, variant := in.sold()
	out.UnitPrice, out.Product, out.Variant = unitPrice(r, price, currency), mapping.Reference(product), mapping.Reference(variant)
	for _, d := range in.Discounts {
		if of := minor(r, json.RawMessage(d.Amount), currency); of.GetUnits() != 0 || of.GetNanos() != 0 {
			out.Discounts = append(out.Discounts, &canonicalv1.Discount{Amount: of})
		}
	}
	taxes := in.Taxes
	if taxes == nil {
		taxes = in.TaxOld
	}
	for _, t := range taxes {
		included := t.TaxBehavior == "inclusive" || t.Inclusive != nil && *t.Inclusive
		out.Taxes = append(out.Taxes, &canonicalv1.Tax{Amount: minor(r, json.RawMessage(t.Amount), currency), Included: &included})
	}
	return out
}

func moment(n json.Number) *timestamppb.Timestamp {
	if at, ok := seconds(n.String()); ok && !at.IsZero() {
		return timestamppb.New(at)
	}
	return nil
}

// sold are the price of one, the product and its price's id, as far as Stripe tells them.
func (in line) sold() (price, product, variant string) {
	switch {
	case in.Pricing != nil:
		return in.Pricing.UnitAmountDecimal, idOf(in.Pricing.PriceDetails.Product), idOf(in.Pricing.PriceDetails.Price)
	case in.Price != nil:
		return in.Price.UnitAmountDecimal, idOf(in.Price.Product), in.Price.ID
	}
	return "", "", ""
}

// unitPrice is a decimal in the smallest unit: it may have more digits than the currency.
func unitPrice(r *mapping.Reading, decimal, currency string) *canonicalv1.Money {
	if decimal == "" {
		return nil
	}
	m, err := money.FromStripeDecimal(decimal, currency)
	if err != nil {
		r.Unusable(decimal, err.Error())
		return nil
	}
	return m
}
