package shopify

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type order = canonicalv1.Order

// presentment is the custom attribute that keeps what the buyer saw, where that is another currency than the shop's.
const presentment = "presentment_total"

// orders is all that is carried of an order. Nothing changes it. Amounts are in the shop's currency and before refunds,
// as those of the lines are: what was given back is an amount of its own.
var orders = describe(kind{
	name: "order", gid: "Order", one: "order", many: "orders",
	carriage: adapters.Carriage{
		Pull: adapters.Pull{MaxPage: 10, Changes: true, Lag: lag}, Losses: map[string]string{},
		Lacks: map[adapters.Ability]string{
			adapters.Merges:       "Shopify merges no orders.",
			adapters.PullsDeletes: "Shopify's searches know nothing of deleted orders.",
			adapters.Creates:      "Shopify computes an order's amounts and lines anew and sells from its own stock; one that was made elsewhere would be another order.",
			adapters.Archives:     "Shopify deletes orders for good; what its users call archived is closed, which is read as close_time.",
		},
	},
}, slices.Concat([]row[*order]{
	{path: "number", fields: []string{"name"}, read: func(r *reading, o *order) { o.Number = some(r.text("name")) }},
	{path: "customer", fields: []string{"customer"}, read: readBuyer},
	{path: "customer_email", fields: []string{"email"},
		read:  func(r *reading, o *order) { o.CustomerEmail = some(r.text("email")) },
		write: func(o *order, f *frozen) string { return f.set("email", o.GetCustomerEmail()) },
		loss:  "Shopify keeps addresses in lower case."},
	{path: "lines", fields: []string{"lineItems", "taxesIncluded"}, read: readLines},
	{path: "currency_code", fields: []string{"currencyCode"}, read: func(r *reading, o *order) { o.CurrencyCode = some(r.text("currencyCode")) }},
	{path: "subtotal", fields: []string{"subtotalPriceSet", "cartDiscountAmountSet"}, read: readSubtotal},
	total("discount_total", "totalDiscountsSet", func(o *order, m *canonicalv1.Money) { o.DiscountTotal = m }),
	total("shipping_total", "totalShippingPriceSet", func(o *order, m *canonicalv1.Money) { o.ShippingTotal = m }),
	total("tax_total", "totalTaxSet", func(o *order, m *canonicalv1.Money) { o.TaxTotal = m }),
	total("total", "totalPriceSet", func(o *order, m *canonicalv1.Money) { o.Total = m }),
	total("refunded_total", "totalRefundedSet", func(o *order, m *canonicalv1.Money) { o.RefundedTotal = m }),
	total("outstanding_total", "totalOutstandingSet", func(o *order, m *canonicalv1.Money) { o.OutstandingTotal = m }),
	{path: "custom." + presentment, fields: []string{"totalPriceSet"}, read: readPresentment},
	{path: "taxes_included", fields: []string{"taxesIncluded"}, read: func(r *reading, o *order) { r.get("taxesIncluded", &o.TaxesIncluded) }},
	{path: "status", fields: []string{"cancelledAt", "closedAt"}, read: readStatus},
	{path: "financial_status", fields: []string{"displayFinancialStatus"}, read: readFinancialStatus},
	{path: "fulfillment_status", fields: []string{"displayFulfillmentStatus"}, read: readFulfillmentStatus},
	when("place_time", "processedAt", func(o *order, t *timestamppb.Timestamp) { o.PlaceTime = t }),
	when("cancel_time", "cancelledAt", func(o *order, t *timestamppb.Timestamp) { o.CancelTime = t }),
	{path: "cancel_reason", fields: []string{"cancelReason"}, read: readCancelReason},
	when("close_time", "closedAt", func(o *order, t *timestamppb.Timestamp) { o.CloseTime = t }),
	{path: "source_channel", fields: []string{"sourceName"}, read: func(r *reading, o *order) { o.SourceChannel = some(r.text("sourceName")) }},
	{path: "discount_codes", fields: []string{"discountCodes"}, read: func(r *reading, o *order) { r.get("discountCodes", &o.DiscountCodes) }},
	{path: "tags", fields: []string{"tags"}, loss: tagsLoss,
		read:  func(r *reading, o *order) { o.Tags = r.tags() },
		write: func(o *order, f *frozen) string { return f.tags(o.GetTags()) }},
	{path: "note", fields: []string{"note"},
		read:  func(r *reading, o *order) { o.Note = some(r.text("note")) },
		write: func(o *order, f *frozen) string { return f.set("note", o.GetNote()) }},
	{path: "test", fields: []string{"test"}, read: func(r *reading, o *order) { r.get("test", &o.Test) }},
},
	addressRows("billing_address", "billingAddress", billing(func(o *order) **canonicalv1.Address { return &o.BillingAddress })),
	addressRows("shipping_address", "shippingAddress", shipping(func(o *order) **canonicalv1.Address { return &o.ShippingAddress })),
), map[string]string{
	"customer": " { id }", "billingAddress": addressFields, "shippingAddress": addressFields, "lineItems": lineItems(linesOfOne),
	"subtotalPriceSet": shopMoney, "cartDiscountAmountSet": shopMoney, "totalDiscountsSet": shopMoney, "totalShippingPriceSet": shopMoney,
	"totalTaxSet": shopMoney, "totalRefundedSet": shopMoney, "totalOutstandingSet": shopMoney,
	"totalPriceSet": " { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }",
}, map[string]string{"lineItems": lineItems(linesOfMany)})

const shopMoney = " { shopMoney { amount currencyCode } }"

// total maps an amount.
func total(path, field string, set func(*order, *canonicalv1.Money)) row[*order] {
	return row[*order]{path: path, fields: []string{field}, read: func(r *reading, o *order) {
		var in bag
		r.get(field, &in)
		set(o, r.money(in.Shop))
	}}
}

// when maps a time.
func when(path, field string, set func(*order, *timestamppb.Timestamp)) row[*order] {
	return row[*order]{path: path, fields: []string{field}, read: func(r *reading, o *order) {
		if at := r.moment(r.text(field)); !at.IsZero() {
			set(o, timestamppb.New(at))
		}
	}}
}

func readBuyer(r *reading, o *order) {
	var in *struct {
		ID string `json:"id"`
	}
	if r.get("customer", &in); in == nil {
		return // a guest
	}
	number, ok := customers.numberOf(in.ID)
	if !ok {
		r.unusable(in.ID, "it is no customer's id")
		return
	}
	o.Customer = reference(number)
}

func reference(id string) *canonicalv1.Reference {
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

// readSubtotal adds the discounts on the whole order to Shopify's subtotal, from which they are taken.
func readSubtotal(r *reading, o *order) {
	var sum, discount bag
	r.get("subtotalPriceSet", &sum)
	r.get("cartDiscountAmountSet", &discount)
	o.Subtotal = r.plus(r.money(sum.Shop), r.money(discount.Shop))
}

// readPresentment keeps what the buyer saw.
func readPresentment(r *reading, o *order) {
	var in bag
	r.get("totalPriceSet", &in)
	if in.Shop == nil || in.Presentment == nil || in.Presentment.Currency == in.Shop.Currency {
		return
	}
	if m := r.money(in.Presentment); m != nil {
		o.Custom = map[string]*canonicalv1.CustomValue{presentment: {Value: &canonicalv1.CustomValue_Money{Money: m}}}
	}
}

// lag is how much later than its time a change may be found by a search; Shopify promises nothing.
const lag = 5 * time.Minute
