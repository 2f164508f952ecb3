package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Order is one of the shop's. Amounts are decimal texts in the shop's currency; empty ones are zero.
type Order struct {
	ID         int64
	Name       string
	CustomerID int64 // 0 for a guest
	Email      string
	Lines      []Line
	// Subtotal is after all discounts, CartDiscount the part of them that is on the whole order.
	Subtotal, CartDiscount, Discounts, Shipping, Tax, Total, Refunded, Outstanding string
	// PresentmentCurrency and PresentmentTotal are what the buyer saw; empty where that is the shop's.
	PresentmentCurrency, PresentmentTotal string
	TaxesIncluded, Test                   bool
	FinancialStatus, FulfillmentStatus    string
	CancelReason                          string
	Billing, ShippingTo                   *Address
	PlacedAt, CancelledAt, ClosedAt       time.Time
	Channel, Note                         string
	DiscountCodes, Tags                   []string
	UpdatedAt                             time.Time
}

// Line is one of an order's.
type Line struct {
	Name, SKU            string
	Quantity             int
	UnitPrice, Total     string
	Discount             string
	TaxTitle, TaxRate    string
	Tax                  string
	ProductID, VariantID int64
	id                   int64
}

func (o *Order) clone() *Order {
	out := *o
	out.Tags, out.DiscountCodes, out.Lines = slices.Clone(o.Tags), slices.Clone(o.DiscountCodes), slices.Clone(o.Lines)
	out.Billing, out.ShippingTo = o.Billing.clone(), o.ShippingTo.clone()
	return &out
}

// bag is an amount in both currencies.
func (s *Server) bag(amount, currency, seen string) *thing {
	one := func(amount, code string) *thing {
		if amount == "" {
			amount = "0.0"
		}
		return &thing{"MoneyV2", map[string]any{"amount": amount, "currencyCode": code}}
	}
	if currency == "" {
		currency, seen = s.options.Currency, amount
	}
	return &thing{"MoneyBag", map[string]any{"shopMoney": one(amount, s.options.Currency), "presentmentMoney": one(seen, currency)}}
}

func (s *Server) orderThing(o *Order) *thing {
	if o == nil {
		return nil
	}
	money := func(amount string) *thing { return s.bag(amount, "", "") }
	var customer *thing
	if o.CustomerID != 0 {
		customer = &thing{"Customer", map[string]any{"id": global("Customer", o.CustomerID)}}
	}
	return &thing{"Order", map[string]any{
		"id": global("Order", o.ID), "updatedAt": o.UpdatedAt.Format(time.RFC3339), "name": o.Name, "customer": customer, "email": null(o.Email),
		"lineItems": s.lines(o), "currencyCode": s.options.Currency, "subtotalPriceSet": money(o.Subtotal), "cartDiscountAmountSet": money(o.CartDiscount),
		"totalDiscountsSet": money(o.Discounts), "totalShippingPriceSet": money(o.Shipping), "totalTaxSet": money(o.Tax),
		"totalPriceSet": s.bag(o.Total, o.PresentmentCurrency, o.PresentmentTotal), "totalRefundedSet": money(o.Refunded),
		"totalOutstandingSet": money(o.Outstanding), "taxesIncluded": o.TaxesIncluded, "test": o.Test,
		"displayFinancialStatus": null(o.FinancialStatus), "displayFulfillmentStatus": o.FulfillmentStatus, "cancelReason": null(o.CancelReason),
		"billingAddress": o.Billing.thing(), "shippingAddress": o.ShippingTo.thing(), "processedAt": moment(o.PlacedAt),
		"cancelledAt": moment(o.CancelledAt), "closedAt": moment(o.ClosedAt), "sourceName": null(o.Channel), "note": null(o.Note),
		"discountCodes": slices.Clone(o.DiscountCodes), "tags": slices.Clone(o.Tags), "metafield": metafield(""),
	}}
}

// lines is an order's connection of lines. Its cursors are the number of lines before.
func (s *Server) lines(o *Order) lazy {
	return func(args map[string]any) (any, error) {
		first, ok := number(args["first"])
		if !ok || first < 1 || first > 250 {
			return nil, coded("BAD_REQUEST", "you must provide one of first or last, up to 250")
		}
		from := 0
		if after, ok := args["after"].(string); ok {
			from, _ = strconv.Atoi(after)
		}
		to := min(from+int(first), len(o.Lines))
		nodes := []any{}
		for _, l := range o.Lines[from:to] {
			nodes = append(nodes, s.lineThing(l))
		}
		return &thing{"LineItemConnection", map[string]any{"nodes": nodes,
			"pageInfo": &thing{"PageInfo", map[string]any{"hasNextPage": to < len(o.Lines), "endCursor": strconv.Itoa(to)}}}}, nil
	}
}

func (s *Server) lineThing(l Line) *thing {
	money := func(amount string) *thing { return s.bag(amount, "", "") }
	discounts, taxes := []any{}, []any{}
	if l.Discount != "" {
		discounts = append(discounts, &thing{"DiscountAllocation", map[string]any{"allocatedAmountSet": money(l.Discount)}})
	}
	if l.Tax != "" {
		taxes = append(taxes, &thing{"TaxLine", map[string]any{"title": l.TaxTitle, "ratePercentage": rate(l.TaxRate), "priceSet": money(l.Tax)}})
	}
	sold := func(kind string, id int64) *thing {
		if id == 0 {
			return nil
		}
		return &thing{kind, map[string]any{"id": global(kind, id)}}
	}
	return &thing{"LineItem", map[string]any{
		"id": global("LineItem", l.id), "name": l.Name, "sku": null(l.SKU), "quantity": l.Quantity, "originalUnitPriceSet": money(l.UnitPrice),
		"discountedTotalSet": money(l.Total), "discountAllocations": discounts, "taxLines": taxes,
		"product": sold("Product", l.ProductID), "variant": sold("ProductVariant", l.VariantID),
	}}
}

// rate is a percentage, which is a floating-point number there.
func rate(text string) any {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return f
}

func (s *Server) orderUpdate(args map[string]any) (any, error) {
	in, err := input(args["input"], "OrderInput", "id", "email", "note", "tags", "shippingAddress")
	if err != nil {
		return nil, err
	}
	o := s.orders[local("Order", in["id"])]
	if o == nil {
		return payloadOf(map[string]any{"order": (*thing)(nil)}, []any{userError("", "Order does not exist", "id")}), nil
	}
	o = o.clone()
	as := &Customer{Email: o.Email, Note: o.Note, Tags: o.Tags, LastName: "-"}
	as.set(in)
	if refused := s.refuse(&Customer{Email: as.Email, LastName: "-"}); refused != nil && s.find(func(c *Customer) bool { return c.Email == as.Email }) == nil {
		return payloadOf(map[string]any{"order": (*thing)(nil)}, refused), nil
	}
	o.Email, o.Note, o.Tags = as.Email, as.Note, as.Tags
	if address, ok := in["shippingAddress"]; ok {
		if o.ShippingTo, err = s.newAddress(address); err != nil {
			return nil, err
		}
	}
	s.keepOrder(o, "orders/updated")
	return payloadOf(map[string]any{"order": s.orderThing(o)}, nil), nil
}

// keepOrder stores an order that changed, and tells of it.
func (s *Server) keepOrder(o *Order, topics ...string) {
	if o.ID == 0 {
		o.ID = s.nextID()
	}
	if o.Name == "" {
		o.Name = fmt.Sprintf("#%d", 1000+len(s.orders)+1)
	}
	for i := range o.Lines {
		if o.Lines[i].id == 0 {
			o.Lines[i].id = s.nextID()
		}
	}
	o.Tags, o.UpdatedAt = tags(o.Tags), s.now()
	s.orders[o.ID] = o
	s.tell(o.body(), topics...)
}
