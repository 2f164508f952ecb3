package salesforce

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type sale = canonicalv1.Order

// ordersKind is the mapping of orders, one row an attribute.
func (o *org) ordersKind() *kind {
	buyer := "BillToContactId"
	if o.byAccount {
		buyer = "AccountId"
	}
	amount := o.amountFields("TotalAmount")
	return &kind{
		name: order, sobject: "Order", message: func() proto.Message { return &sale{} }, page: maxOrders, archives: true, children: o.lineQuery(),
		rows: slices.Concat([]row{
			mapped("number", []string{"OrderReferenceNumber", "OrderNumber"}, readNumber, func(s *sale, fields map[string]any) string {
				fields["OrderReferenceNumber"] = null(s.GetNumber())
				return ""
			}).losing("Written as the reference number; an order without one has the number that Salesforce gave it."),
			mapped("customer", []string{buyer}, func(r *reading, s *sale) { s.Customer = r.reference(buyer) },
				func(s *sale, fields map[string]any) string { return writeReference(s.GetCustomer(), buyer, fields) }).
				required("an order always has a customer").referring().creating().losing("An order stays with the account that it was made for."),
			mapped("lines", o.amountFields(childrenField), o.readLines, nil).
				losing("Read and not written: a product is sold through a price book of the org, which no other system knows. A change of a line that leaves the sum as it is shows with the order's next change."),
			o.currencyRow(),
			mapped("total", amount, func(r *reading, s *sale) { s.Total = r.money(r.object.get("TotalAmount"), o.currencyOf(r)) }, nil),
			mapped("status", []string{"Status"}, func(r *reading, s *sale) { s.Status, s.StatusRaw = o.orders.read(r, "Status") }, nil).
				losing("Read and not written: an order is activated by people, once it has its products."),
			mapped("place_time", []string{"EffectiveDate"}, func(r *reading, s *sale) { s.PlaceTime = r.day(r.text("EffectiveDate")) }, writeDay).
				required("an order always has a start date").losing("Salesforce keeps the day alone, which is read and written in UTC."),
			plain("note", "Description", (*sale).GetNote, func(s *sale, v string) { v = lines(v); s.Note = &v }),
		},
			addressRows("billing_address", "Billing", func(s *sale) **canonicalv1.Address { return &s.BillingAddress }),
			addressRows("shipping_address", "Shipping", func(s *sale) **canonicalv1.Address { return &s.ShippingAddress })),
		complete: func(fields map[string]any) string {
			if fields[buyer] == nil || fields["EffectiveDate"] == nil {
				return "Salesforce takes no order without a customer and a day"
			}
			fields["Status"] = o.orders.writes[canonicalv1.OrderStatus_ORDER_STATUS_DRAFT]
			return ""
		},
		lacks: map[adapters.Ability]string{adapters.Merges: "Salesforce merges no orders."},
	}
}

// amountFields are fields with the one that tells their currency, where each row has its own.
func (o *org) amountFields(fields ...string) []string {
	if o.currency == "" {
		fields = append(fields, "CurrencyIsoCode")
	}
	return fields
}

func (o *org) currencyOf(r *reading) string {
	if o.currency != "" {
		return o.currency
	}
	return r.text("CurrencyIsoCode")
}

// currencyRow maps the currency, which is chosen with a create where the org has several.
func (o *org) currencyRow() row {
	if o.currency != "" {
		return mapped("currency_code", []string{"Id"}, func(_ *reading, s *sale) { s.CurrencyCode = some(o.currency) }, nil)
	}
	return plain("currency_code", "CurrencyIsoCode", (*sale).GetCurrencyCode, func(s *sale, v string) { s.CurrencyCode = &v }).creating()
}

func readNumber(r *reading, s *sale) {
	if s.Number = some(r.text("OrderReferenceNumber")); s.Number == nil {
		s.Number = some(r.text("OrderNumber"))
	}
}

func writeDay(s *sale, fields map[string]any) string {
	fields["EffectiveDate"] = nil
	if at := s.GetPlaceTime(); at != nil {
		fields["EffectiveDate"] = at.AsTime().UTC().Format(time.DateOnly)
	}
	return ""
}

// lineQuery reads an order's products inside a query of orders. queryAll would give deleted ones, too.
func (o *org) lineQuery() string {
	return "(SELECT " + strings.Join(lineFields, ", ") + " FROM " + childrenField + " WHERE IsDeleted = false ORDER BY Id)"
}
