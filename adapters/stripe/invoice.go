package stripe

import (
	"encoding/json"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func invoiceIn() []string {
	paths := []string{
		"number", "customer", "subscription", "lines", "currency_code", "subtotal", "discount_total", "tax_total", "total",
		"amount_paid", "amount_due", "status", "issue_time", "due_time", "paid_time", "void_time", "period_start", "period_end",
		"billing_reason", "hosted_url", "document_url", "customer_name", "customer_email", "note",
	}
	for _, part := range addressParts {
		paths = append(paths, "billing_address."+part)
	}
	return paths
}

// invoiceOut is what others may set; all else follows from what Stripe bills.
func invoiceOut() []string { return []string{"note", "due_time"} }

var invoiceLosses = map[string]string{
	"due_time": "Stripe keeps whole seconds, and changes it on drafts alone.",
}

var invoiceLacks = map[adapters.Ability]string{
	adapters.Merges:   "Stripe merges no invoices.",
	adapters.Counts:   "Stripe's lists do not tell how long they are.",
	adapters.Creates:  "Stripe's invoices are made of what it bills; one that was made elsewhere would be billed again.",
	adapters.Archives: "Stripe voids invoices, which changes what is owed, and deletes drafts for good.",
}

// invoiceObject is Stripe's invoice, as far as it is carried. Fields that moved stand in both of their places.
type invoiceObject struct {
	ID               string          `json:"id"`
	Deleted          bool            `json:"deleted"`
	Number           *string         `json:"number"`
	Status           *string         `json:"status"`
	Customer         json.RawMessage `json:"customer"`
	Currency         string          `json:"currency"`
	Subtotal         *int64          `json:"subtotal"`
	Total            *int64          `json:"total"`
	AmountDue        *int64          `json:"amount_due"`
	AmountPaid       *int64          `json:"amount_paid"`
	AmountRemaining  *int64          `json:"amount_remaining"`
	DueDate          *int64          `json:"due_date"`
	PeriodStart      *int64          `json:"period_start"`
	PeriodEnd        *int64          `json:"period_end"`
	BillingReason    *string         `json:"billing_reason"`
	HostedInvoiceURL *string         `json:"hosted_invoice_url"`
	InvoicePDF       *string         `json:"invoice_pdf"`
	CustomerName     *string         `json:"customer_name"`
	CustomerEmail    *string         `json:"customer_email"`
	CustomerAddress  *addressObject  `json:"customer_address"`
	Description      *string         `json:"description"`
	Lines            struct {
		Data    []lineObject `json:"data"`
		HasMore bool         `json:"has_more"`
	} `json:"lines"`
	StatusTransitions struct {
		FinalizedAt *int64 `json:"finalized_at"`
		PaidAt      *int64 `json:"paid_at"`
		VoidedAt    *int64 `json:"voided_at"`
	} `json:"status_transitions"`
	Discounts []amountObject `json:"total_discount_amounts"`
	Taxes     []amountObject `json:"total_taxes"`       // since basil
	TaxOld    []amountObject `json:"total_tax_amounts"` // before
	Tax       *int64         `json:"tax"`               // before
	Parent    *struct {
		SubscriptionDetails *struct {
			Subscription json.RawMessage `json:"subscription"`
		} `json:"subscription_details"`
	} `json:"parent"` // since basil
	Subscription json.RawMessage `json:"subscription"` // before
}

type amountObject struct {
	Amount      int64  `json:"amount"`
	TaxBehavior string `json:"tax_behavior"` // since basil: inclusive, exclusive
	Inclusive   *bool  `json:"inclusive"`    // before
}

type lineObject struct {
	ID              string         `json:"id"`
	Amount          *int64         `json:"amount"`
	Currency        string         `json:"currency"`
	Description     *string        `json:"description"`
	Quantity        json.Number    `json:"quantity"`
	QuantityDecimal *string        `json:"quantity_decimal"`
	Discounts       []amountObject `json:"discount_amounts"`
	Taxes           []amountObject `json:"taxes"`       // since basil
	TaxOld          []amountObject `json:"tax_amounts"` // before
	Period          struct {
		Start *int64 `json:"start"`
		End   *int64 `json:"end"`
	} `json:"period"`
	Pricing *struct {
		UnitAmountDecimal *string `json:"unit_amount_decimal"`
		PriceDetails      *struct {
			Price   json.RawMessage `json:"price"`
			Product json.RawMessage `json:"product"`
		} `json:"price_details"`
	} `json:"pricing"` // since basil
	Price *struct {
		ID                string          `json:"id"`
		UnitAmountDecimal *string         `json:"unit_amount_decimal"`
		Product           json.RawMessage `json:"product"`
	} `json:"price"` // before
}

var invoiceStatuses = map[string]canonicalv1.InvoiceStatus{
	"draft":         canonicalv1.InvoiceStatus_INVOICE_STATUS_DRAFT,
	"open":          canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN,
	"paid":          canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID,
	"uncollectible": canonicalv1.InvoiceStatus_INVOICE_STATUS_UNCOLLECTIBLE,
	"void":          canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID,
}

var billingReasons = map[string]canonicalv1.BillingReason{
	"manual":                                 canonicalv1.BillingReason_BILLING_REASON_MANUAL,
	"subscription_create":                    canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_CREATE,
	"subscription_cycle":                     canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_CYCLE,
	"subscription":                           canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_CYCLE,
	"subscription_update":                    canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_UPDATE,
	"subscription_threshold":                 canonicalv1.BillingReason_BILLING_REASON_SUBSCRIPTION_THRESHOLD,
	"quote_accept":                           canonicalv1.BillingReason_BILLING_REASON_QUOTE_ACCEPT,
	"automatic_pending_invoice_item_invoice": canonicalv1.BillingReason_BILLING_REASON_PENDING_ITEMS,
}

func (r *reading) invoice(raw json.RawMessage) (o adapters.Observation, more bool, err error) {
	var in invoiceObject
	if err := json.Unmarshal(raw, &in); err != nil || in.ID == "" {
		return o, false, errShape
	}
	o = adapters.Observation{Object: adapters.Object{Kind: invoice, ExternalID: adapters.ExternalID(in.ID)}, Gone: in.Deleted}
	if in.Deleted {
		return o, false, nil
	}
	code := strings.ToUpper(in.Currency)
	m := &canonicalv1.Invoice{
		Number: text(in.Number), Customer: reference(idOf(in.Customer)), CurrencyCode: text(&code),
		Subtotal: r.amount("subtotal", in.Subtotal, code), Total: r.amount("total", in.Total, code),
		AmountDue: r.amount("amount_due", in.remaining(), code), AmountPaid: r.amount("amount_paid", in.AmountPaid, code),
		DiscountTotal: r.sum("discount_total", in.Discounts, code), TaxTotal: r.taxTotal(in, code),
		IssueTime: moment(in.StatusTransitions.FinalizedAt), PaidTime: moment(in.StatusTransitions.PaidAt), VoidTime: moment(in.StatusTransitions.VoidedAt),
		DueTime: moment(in.DueDate), PeriodStart: moment(in.PeriodStart), PeriodEnd: moment(in.PeriodEnd),
		HostedUrl: text(in.HostedInvoiceURL), DocumentUrl: text(in.InvoicePDF), Note: text(in.Description),
		CustomerName: text(in.CustomerName), CustomerEmail: text(in.CustomerEmail), BillingAddress: r.address("billing_address", in.CustomerAddress),
	}
	if in.Status != nil {
		m.Status, m.StatusRaw = enum(r, "status", *in.Status, invoiceStatuses)
		if *in.Status == "open" && in.AmountPaid != nil && *in.AmountPaid > 0 {
			partly := canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID
			m.Status = &partly
		}
	}
	if in.BillingReason != nil {
		m.BillingReason, m.BillingReasonRaw = enum(r, "billing_reason", *in.BillingReason, billingReasons)
	}
	if id := in.subscription(); id != "" {
		m.Subscription = reference(id)
	}
	for _, line := range in.Lines.Data {
		m.Lines = append(m.Lines, r.line(line, code))
	}
	o.Message = m
	return o, in.Lines.HasMore, nil
}

func (in *invoiceObject) subscription() string {
	if in.Parent != nil && in.Parent.SubscriptionDetails != nil {
		return idOf(in.Parent.SubscriptionDetails.Subscription)
	}
	return idOf(in.Subscription)
}

func (r *reading) taxTotal(in invoiceObject, code string) *canonicalv1.Money {
	switch {
	case in.Taxes != nil:
		return r.sum("tax_total", in.Taxes, code)
	case in.TaxOld != nil:
		return r.sum("tax_total", in.TaxOld, code)
	}
	return r.amount("tax_total", in.Tax, code)
}

// sum adds amounts; nil where the field is missing.
func (r *reading) sum(path string, amounts []amountObject, code string) *canonicalv1.Money {
	if amounts == nil {
		return nil
	}
	var total int64
	for _, a := range amounts {
		total += a.Amount
	}
	return r.amount(path, &total, code)
}

func (r *reading) line(in lineObject, invoiceCurrency string) *canonicalv1.Line {
	code := strings.ToUpper(in.Currency)
	if code == "" {
		code = invoiceCurrency
	}
	out := &canonicalv1.Line{
		ExternalId: text(&in.ID), Title: text(in.Description), Total: r.amount("lines", in.total(), code),
		Quantity: quantity(in), UnitPrice: r.unitPrice(in, code),
	}
	if in.Period.Start != nil || in.Period.End != nil {
		out.PeriodStart, out.PeriodEnd = moment(in.Period.Start), moment(in.Period.End)
	}
	out.Product, out.Variant = in.sold()
	for _, d := range in.Discounts {
		if amount := r.amount("lines", &d.Amount, code); amount != nil && d.Amount != 0 {
			out.Discounts = append(out.Discounts, &canonicalv1.Discount{Amount: amount})
		}
	}
	taxes := in.Taxes
	if taxes == nil {
		taxes = in.TaxOld
	}
	for _, t := range taxes {
		included := t.TaxBehavior == "inclusive" || t.Inclusive != nil && *t.Inclusive
		out.Taxes = append(out.Taxes, &canonicalv1.Tax{Amount: r.amount("lines", &t.Amount, code), Included: &included})
	}
	return out
}

// quantity is an exact decimal; nil where Stripe has none, as on credits for unused time.
func quantity(in lineObject) *string {
	if in.QuantityDecimal != nil {
		return text(in.QuantityDecimal)
	}
	n := in.Quantity.String()
	return text(&n)
}

// unitPrice is a decimal in the smallest unit: it may have more digits than the currency.
func (r *reading) unitPrice(in lineObject, code string) *canonicalv1.Money {
	var decimal *string
	switch {
	case in.Pricing != nil:
		decimal = in.Pricing.UnitAmountDecimal
	case in.Price != nil:
		decimal = in.Price.UnitAmountDecimal
	}
	if text(decimal) == nil {
		return nil
	}
	m, err := money.FromStripeDecimal(*decimal, code)
	if err != nil {
		r.cannotUse("lines", *decimal, err)
		return nil
	}
	return m
}

// sold are the product and its price, as far as Stripe tells them.
func (in *lineObject) sold() (product, price *canonicalv1.Reference) {
	switch {
	case in.Pricing != nil && in.Pricing.PriceDetails != nil:
		return reference(idOf(in.Pricing.PriceDetails.Product)), reference(idOf(in.Pricing.PriceDetails.Price))
	case in.Price != nil:
		return reference(idOf(in.Price.Product)), reference(in.Price.ID)
	}
	return nil, nil
}

// total is the line's amount after its discounts; Stripe's own is before them.
func (in *lineObject) total() *int64 {
	if in.Amount == nil {
		return nil
	}
	total := *in.Amount
	for _, d := range in.Discounts {
		total -= d.Amount
	}
	return &total
}

// remaining is what is still to be paid. Stripe's amount_due does not fall when payments come in.
func (in *invoiceObject) remaining() *int64 {
	if in.AmountRemaining != nil || in.AmountDue == nil || in.AmountPaid == nil {
		return in.AmountRemaining
	}
	remaining := *in.AmountDue - *in.AmountPaid
	return &remaining
}
