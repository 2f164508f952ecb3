package shopify

import canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"

// readStatus is of an order as a whole: Shopify has no word for it, and two times.
func readStatus(r *reading, o *order) {
	o.Status = canonicalv1.OrderStatus_ORDER_STATUS_OPEN.Enum()
	switch {
	case r.text("cancelledAt") != "":
		o.Status = canonicalv1.OrderStatus_ORDER_STATUS_CANCELLED.Enum()
	case r.text("closedAt") != "":
		o.Status = canonicalv1.OrderStatus_ORDER_STATUS_COMPLETED.Enum()
	}
}

var financialStatuses = map[string]canonicalv1.FinancialStatus{
	"PENDING":            canonicalv1.FinancialStatus_FINANCIAL_STATUS_PENDING,
	"AUTHORIZED":         canonicalv1.FinancialStatus_FINANCIAL_STATUS_AUTHORIZED,
	"PARTIALLY_PAID":     canonicalv1.FinancialStatus_FINANCIAL_STATUS_PARTIALLY_PAID,
	"PAID":               canonicalv1.FinancialStatus_FINANCIAL_STATUS_PAID,
	"PARTIALLY_REFUNDED": canonicalv1.FinancialStatus_FINANCIAL_STATUS_PARTIALLY_REFUNDED,
	"REFUNDED":           canonicalv1.FinancialStatus_FINANCIAL_STATUS_REFUNDED,
	"VOIDED":             canonicalv1.FinancialStatus_FINANCIAL_STATUS_VOIDED,
	"EXPIRED":            canonicalv1.FinancialStatus_FINANCIAL_STATUS_EXPIRED,
}

func readFinancialStatus(r *reading, o *order) {
	if text := r.text("displayFinancialStatus"); text != "" {
		status, raw := enum(r, "displayFinancialStatus", text, financialStatuses)
		o.FinancialStatus, o.FinancialStatusRaw = &status, raw
	}
}

// fulfillmentStatuses has two words of Shopify's that newer ones replaced. FULFILLMENT_NOT_REQUIRED has no canonical
// value, and stays as text.
var fulfillmentStatuses = map[string]canonicalv1.FulfillmentStatus{
	"UNFULFILLED":         canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_UNFULFILLED,
	"OPEN":                canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_UNFULFILLED,
	"IN_PROGRESS":         canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_IN_PROGRESS,
	"PENDING_FULFILLMENT": canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_IN_PROGRESS,
	"PARTIALLY_FULFILLED": canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_PARTIALLY_FULFILLED,
	"FULFILLED":           canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_FULFILLED,
	"SCHEDULED":           canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_SCHEDULED,
	"ON_HOLD":             canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_ON_HOLD,
	"RESTOCKED":           canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_RESTOCKED,
	"REQUEST_DECLINED":    canonicalv1.FulfillmentStatus_FULFILLMENT_STATUS_DECLINED,
}

func readFulfillmentStatus(r *reading, o *order) {
	if text := r.text("displayFulfillmentStatus"); text != "" {
		status, raw := enum(r, "displayFulfillmentStatus", text, fulfillmentStatuses)
		o.FulfillmentStatus, o.FulfillmentStatusRaw = &status, raw
	}
}

var cancelReasons = map[string]canonicalv1.CancelReason{
	"CUSTOMER":  canonicalv1.CancelReason_CANCEL_REASON_CUSTOMER,
	"FRAUD":     canonicalv1.CancelReason_CANCEL_REASON_FRAUD,
	"INVENTORY": canonicalv1.CancelReason_CANCEL_REASON_INVENTORY,
	"DECLINED":  canonicalv1.CancelReason_CANCEL_REASON_DECLINED,
	"STAFF":     canonicalv1.CancelReason_CANCEL_REASON_STAFF,
	"OTHER":     canonicalv1.CancelReason_CANCEL_REASON_OTHER,
}

func readCancelReason(r *reading, o *order) {
	if text := r.text("cancelReason"); text != "" {
		reason, raw := enum(r, "cancelReason", text, cancelReasons)
		o.CancelReason, o.CancelReasonRaw = &reason, raw
	}
}
