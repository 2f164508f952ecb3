package salesforce

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type sale = canonicalv1.Order

// sales is the mapping of orders, one row an attribute.
func (o *org) sales() *kind {
	buyer := "BillToContactId"
	if o.byAccount {
		buyer = "AccountId"
	}
	return &kind{sobject: "Order", refers: "customer", page: maxOrders, children: lineQuery, Kind: mapping.Kind{
		Name: order, Message: func() proto.Message { return &sale{} },
		Rows: slices.Concat([]mapping.Row{
			mapping.ReadBy(mapping.Plain("number", "OrderReferenceNumber").With("OrderNumber"), readNumber).
				Losing("Written as the reference number; an order without one has the number that Salesforce gave it."),
			link("customer", buyer).Required("an order always has a customer").CreateOnly().Losing("An order stays with the account that it was made for."),
			mapping.Of("lines", o.amounts(childrenField), o.readLines, nil).
				Losing("Read and not written: a product is sold through a price book of the org, which no other system knows. A change of a line that leaves the sum as it is shows with the order's next change."),
			o.currencyRow(),
			mapping.Of("total", o.amounts("TotalAmount"), func(r *mapping.Reading, s *sale) { s.Total = amount(r, "TotalAmount", o.currencyOf(r)) }, nil),
			o.orders.row("status", "Status").ReadOnly().Losing("Read and not written: an order is activated by people, once it has its products."),
			mapping.WrittenBy(mapping.Time("place_time", "EffectiveDate", day), writeDay).
				Required("an order always has a start date").Losing("Salesforce keeps the day alone, which is read and written in UTC."),
			text("note", "Description"),
		}, address("billing_address", "Billing"), address("shipping_address", "Shipping")),
		Complete: func(_ adapters.Patch, w mapping.Fields) (mapping.Fields, string) {
			if w[buyer] == nil || w["EffectiveDate"] == nil {
				return nil, "Salesforce takes no order without a customer and a day"
			}
			return mapping.Fields{"Status": o.orders.writes[canonicalv1.OrderStatus_ORDER_STATUS_DRAFT]}, ""
		},
	}, lacks: map[adapters.Ability]string{adapters.Merges: "Salesforce merges no orders."}}
}

// amounts are fields with the one that tells their currency, where each row has its own.
func (o *org) amounts(fields ...string) []string {
	if o.currency == "" {
		fields = append(fields, "CurrencyIsoCode")
	}
	return fields
}

func (o *org) currencyOf(r *mapping.Reading) string {
	return cmp.Or(o.currency, r.Text("CurrencyIsoCode"))
}

// currencyRow maps the currency, which is chosen with a create where the org has several.
func (o *org) currencyRow() mapping.Row {
	if o.currency != "" {
		return mapping.Of("currency_code", []string{"Id"}, func(_ *mapping.Reading, s *sale) { s.CurrencyCode = &o.currency }, nil)
	}
	return mapping.Plain("currency_code", "CurrencyIsoCode").CreateOnly()
}

func readNumber(r *mapping.Reading, s *sale) {
	s.Number = mapping.Some(cmp.Or(r.Text("OrderReferenceNumber"), r.Text("OrderNumber")))
}

// day reads a date as its first moment.
func day(text string) (time.Time, bool) {
	at, err := time.Parse(time.DateOnly, text)
	return at, err == nil
}

func writeDay(s *sale, w mapping.Fields) string {
	w["EffectiveDate"] = nil
	if at := s.GetPlaceTime(); at != nil {
		w["EffectiveDate"] = at.AsTime().UTC().Format(time.DateOnly)
	}
	return ""
}
