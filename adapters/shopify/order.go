package shopify

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type order = canonicalv1.Order

// presentment is the custom attribute that keeps what the buyer saw, where that is another currency than the shop's.
const presentment = "presentment_total"

// orders is the mapping of orders, one row an attribute. Nothing changes it. Amounts are in the shop's currency and before
// refunds, as those of the lines are: what was given back is an amount of its own.
var orders = describe(kind{
	Kind: mapping.Kind{
		Name: "order", Message: func() proto.Message { return &order{} },
		Rows: slices.Concat([]mapping.Row{
			mapping.Plain("number", "name").ReadOnly(),
			mapping.ValueOf("customer", []string{"customer.id"}, readBuyer),
			mapping.Plain("customer_email", "email").Losing("Shopify keeps addresses in lower case."),
			mapping.Of("lines", []string{"lineItems", "taxesIncluded"}, readLines, nil),
			mapping.Plain("currency_code", "currencyCode").ReadOnly(),
			mapping.ValueOf("subtotal", amounts("subtotalPriceSet.shopMoney", "cartDiscountAmountSet.shopMoney"), readSubtotal),
			total("discount_total", "totalDiscountsSet.shopMoney"),
			total("shipping_total", "totalShippingPriceSet.shopMoney"),
			total("tax_total", "totalTaxSet.shopMoney"),
			total("total", "totalPriceSet.shopMoney"),
			total("refunded_total", "totalRefundedSet.shopMoney"),
			total("outstanding_total", "totalOutstandingSet.shopMoney"),
			mapping.Of("custom."+presentment, amounts("totalPriceSet.shopMoney", "totalPriceSet.presentmentMoney"), readPresentment, nil),
			mapping.Of("taxes_included", []string{"taxesIncluded"}, func(r *mapping.Reading, o *order) { r.Get("taxesIncluded", &o.TaxesIncluded) }, nil),
			mapping.Of("status", []string{"cancelledAt", "closedAt"}, readStatus, nil),
			mapping.Choice("financial_status", "displayFinancialStatus", financialStatuses, mapping.Same).ReadOnly(),
			mapping.Choice("fulfillment_status", "displayFulfillmentStatus", fulfillmentStatuses, mapping.Same).ReadOnly(),
			mapping.Time("place_time", "processedAt", mapping.RFC3339),
			mapping.Time("cancel_time", "cancelledAt", mapping.RFC3339),
			mapping.Choice("cancel_reason", "cancelReason", cancelReasons, mapping.Same).ReadOnly(),
			mapping.Time("close_time", "closedAt", mapping.RFC3339),
			mapping.Plain("source_channel", "sourceName").ReadOnly(),
			mapping.Texts("discount_codes", "discountCodes").ReadOnly(),
			labels(),
			mapping.Plain("note", "note"),
			mapping.Of("test", []string{"test"}, func(r *mapping.Reading, o *order) { r.Get("test", &o.Test) }, nil),
		}, mapping.ReadOnly(address("billing_address", "billingAddress")), address("shipping_address", "shippingAddress")),
	},
	gid: "Order", one: "order", many: "orders", address: "shippingAddress", maxPage: 10,
	lacks: map[adapters.Ability]string{
		adapters.Merges:       "Shopify merges no orders.",
		adapters.PullsDeletes: "Shopify's searches know nothing of deleted orders.",
		adapters.Creates:      "Shopify computes an order's amounts and lines anew and sells from its own stock; one that was made elsewhere would be another order.",
		adapters.Archives:     "Shopify deletes orders for good; what its users call archived is closed, which is read as close_time.",
	},
})

// The values of Shopify's lists.
var (
	financialStatuses = mapping.Words[canonicalv1.FinancialStatus]{
		"pending":            canonicalv1.FinancialStatus_FINANCIAL_STATUS_PENDING,
		"authorized":         canonicalv1.FinancialStatus_FINANCIAL_STATUS_AUTHORIZED,
		"partially_paid":     canonicalv1.FinancialStatus_FINANCIAL_STATUS_PARTIALLY_PAID,
		"paid":               canonicalv1.FinancialStatus_FINANCIAL_STATUS_PAID,
		"partially_refunded": canonicalv1.FinancialStatus_FINANCIAL_STATUS_PARTIALLY_REFUNDED,
		"refunded":           canonicalv1.FinancialStatus_FINANCIAL_STATUS_REFUNDED,
		"voided":             canonicalv1.FinancialStatus_FINANCIAL_STATUS_VOIDED,
		"expired":            canonicalv1.FinancialStatus_FINANCIAL_STATUS_EXPIRED,
	}
	// fulfillmentStatuses has two words of Shopify's that newer ones replaced. FULFILLMENT_NOT_REQUIRED has no canonical
	// value, and stays as text.
	fulfillmentStatuses = mapping.Words[canonicalv1.FulfillmentStatus]{
		"unfulfilled":         canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_UNFULFILLED,
		"open":                canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_UNFULFILLED,
		"in_progress":         canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_IN_PROGRESS,
		"pending_fulfillment": canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_IN_PROGRESS,
		"partially_fulfilled": canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_PARTIALLY_FULFILLED,
		"fulfilled":           canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_FULFILLED,
		"scheduled":           canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_SCHEDULED,
		"on_hold":             canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_ON_HOLD,
		"restocked":           canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_RESTOCKED,
		"request_declined":    canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_DECLINED,
	}
	cancelReasons = mapping.Words[canonicalv1.CancelReason]{
		"customer":  canonicalv1.CancelReason_CANCEL_REASON_CUSTOMER,
		"fraud":     canonicalv1.CancelReason_CANCEL_REASON_FRAUD,
		"inventory": canonicalv1.CancelReason_CANCEL_REASON_INVENTORY,
		"declined":  canonicalv1.CancelReason_CANCEL_REASON_DECLINED,
		"staff":     canonicalv1.CancelReason_CANCEL_REASON_STAFF,
		"other":     canonicalv1.CancelReason_CANCEL_REASON_OTHER,
	}
)

// readStatus is of an order as a whole: Shopify has no word for it, and two times.
func readStatus(r *mapping.Reading, o *order) {
	o.Status = canonicalv1.OrderStatus_ORDER_STATUS_OPEN.Enum()
	switch {
	case r.Text("cancelledAt") != "":
		o.Status = canonicalv1.OrderStatus_ORDER_STATUS_CANCELLED.Enum()
	case r.Text("closedAt") != "":
		o.Status = canonicalv1.OrderStatus_ORDER_STATUS_COMPLETED.Enum()
	}
}

// readBuyer names the customer; a guest is none.
func readBuyer(r *mapping.Reading) *canonicalv1.Reference {
	gid := r.Text("customer.id")
	number, ok := customers.numberOf(gid)
	if !ok && gid != "" {
		r.Unusable(gid, "it is no customer's id")
	}
	return mapping.Reference(number)
}
