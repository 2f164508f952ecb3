package salesforce

import (
	"encoding/json"

	"google.golang.org/protobuf/types/known/timestamppb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// childrenField is what Salesforce calls an order's products.
const childrenField = "OrderItems"

// lineFields are asked for of each.
var lineFields = []string{
	"Id", "Quantity", "UnitPrice", "TotalPrice", "Description", "ServiceDate", "EndDate", "PricebookEntryId", "Product2Id",
	"Product2.Name", "Product2.ProductCode", "Product2.StockKeepingUnit",
}

// rows is an answer of rows, or those of another object inside it.
type rows struct {
	Done    *bool             `json:"done"`
	Records []json.RawMessage `json:"records"`
}

// whole says that there are no more.
func (r rows) whole() bool { return r.Done == nil || *r.Done }

// products are an order's; none where it has none, or where they cannot be read.
func (o *object) products() (rows, error) {
	var in rows
	err := json.Unmarshal(o.fields[childrenField], &in)
	return in, err
}

func (o *org) readLines(r *reading, s *sale) {
	in, err := r.object.products()
	if err != nil {
		r.unusable(string(r.object.fields[childrenField]), "it is no list of rows")
		return
	}
	for _, raw := range in.Records {
		l := &object{raw: raw}
		if json.Unmarshal(raw, &l.fields) != nil || l.fields == nil {
			r.unusable(string(raw), "it is no row of an order's")
			return
		}
		s.Lines = append(s.Lines, r.line(l, o.currencyOf(r)))
	}
}

func (r *reading) line(l *object, currency string) *canonicalv1.Line {
	of := &reading{object: l, path: r.path}
	out := &canonicalv1.Line{
		ExternalId: some(of.id("Id")), Title: some(of.text("Product2.Name")), Description: some(lines(of.text("Description"))),
		UnitPrice: of.money(l.get("UnitPrice"), currency), Total: of.money(l.get("TotalPrice"), currency),
		Product: of.reference("Product2Id"), Variant: of.reference("PricebookEntryId"), PeriodStart: of.day(of.text("ServiceDate")),
	}
	if out.Sku = some(of.text("Product2.StockKeepingUnit")); out.Sku == nil {
		out.Sku = some(of.text("Product2.ProductCode"))
	}
	if raw := of.text("Quantity"); raw != "" {
		quantity, ok := plainNumber(raw)
		if !ok {
			of.unusable(raw, "it is no number")
		}
		out.Quantity = &quantity
	}
	if last := of.day(of.text("EndDate")); last != nil { // the last day that is paid for
		out.PeriodEnd = timestamppb.New(last.AsTime().AddDate(0, 0, 1))
	}
	r.bad = append(r.bad, of.bad...)
	return out
}
