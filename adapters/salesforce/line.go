package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// childrenField is what Salesforce calls an order's products.
const childrenField = "OrderItems"

// lineFields are asked for of each.
var lineFields = []string{
	"Id", "Quantity", "UnitPrice", "TotalPrice", "Description", "ServiceDate", "EndDate", "PricebookEntryId", "Product2Id",
	"Product2.Name", "Product2.ProductCode", "Product2.StockKeepingUnit",
}

// lineQuery reads an order's products inside a query of orders. queryAll would give deleted ones, too.
var lineQuery = "(SELECT " + strings.Join(lineFields, ", ") + " FROM " + childrenField + " WHERE IsDeleted = false ORDER BY Id)"

// rows is an answer of rows, or those of another object inside it.
type rows struct {
	Done    *bool             `json:"done"`
	Records []json.RawMessage `json:"records"`
}

// whole says that there are no more.
func (r rows) whole() bool { return r.Done == nil || *r.Done }

// products are an order's; none where it has none, or where they cannot be read.
func products(fields map[string]json.RawMessage) (rows, error) {
	var in rows
	err := json.Unmarshal(fields[childrenField], &in)
	return in, err
}

// maxLines bounds the lines of an order, as the canonical form does.
const maxLines = 10_000

// rest reads the lines that did not come with their order.
func (a *api) rest(ctx context.Context, op string, k *kind, o *object) error {
	if k.children == "" {
		return nil
	}
	in, err := products(o.fields)
	if err != nil || in.whole() {
		return nil // what cannot be read is told when it is observed
	}
	for !in.whole() && len(in.Records) < maxLines {
		id := ""
		if n := len(in.Records); n > 0 {
			id = long(field(in.Records[n-1], "Id"))
		}
		if !isID(id) {
			return &fault.Error{Category: fault.Transient, Op: op, Message: "the order's lines come to no end"}
		}
		next, _, err := a.ask(ctx, op, live, query{
			fields: lineFields, from: "OrderItem", where: equals("OrderId", o.id) + " AND " + after("Id", id), order: "Id", limit: 2000,
		}, k)
		if err != nil {
			return err
		}
		if len(next.Records) == 0 {
			break
		}
		in.Records = append(in.Records, next.Records...)
		whole := next.whole() && len(next.Records) < 2000
		in.Done = &whole
	}
	return o.with(childrenField, map[string]any{"done": true, "records": in.Records})
}

func (o *org) readLines(r *mapping.Reading, s *sale) {
	in, err := products(r.Fields)
	if err != nil {
		r.Unusable(string(r.Fields[childrenField]), "it is no list of rows")
		return
	}
	currency := o.currencyOf(r)
	for _, raw := range in.Records {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields == nil {
			r.Unusable(string(raw), "it is no row of an order's")
			return
		}
		r.Instead(mapping.Flat(fields, lineFields), func() { s.Lines = append(s.Lines, readLine(r, currency)) })
	}
}

func readLine(r *mapping.Reading, currency string) *canonicalv1.Line {
	id := func(field string) string { return long(r.ID(field, isID)) }
	out := &canonicalv1.Line{
		ExternalId: mapping.Some(id("Id")), Title: mapping.Some(r.Text("Product2.Name")), Description: mapping.Some(lines(r.Text("Description"))),
		Sku:       mapping.Some(cmp.Or(r.Text("Product2.StockKeepingUnit"), r.Text("Product2.ProductCode"))),
		UnitPrice: amount(r, "UnitPrice", currency), Total: amount(r, "TotalPrice", currency),
		Product: mapping.Reference(id("Product2Id")), Variant: mapping.Reference(id("PricebookEntryId")), PeriodStart: r.Time("ServiceDate", day),
	}
	if quantity, ok := number(r, "Quantity"); ok {
		out.Quantity = &quantity
	}
	if last := r.Time("EndDate", day); last != nil { // the last day that is paid for
		out.PeriodEnd = timestamppb.New(last.AsTime().AddDate(0, 0, 1))
	}
	return out
}
