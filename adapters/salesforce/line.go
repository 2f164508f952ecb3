package salesforce

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
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
		r.Within(mapping.Flat(fields, lineFields), func() { s.Lines = append(s.Lines, readLine(r, currency)) })
	}
}

func readLine(r *mapping.Reading, currency string) *canonicalv1.Line {
	id := func(field string) string { return long(r.ID(field, isID)) }
	out := &canonicalv1.Line{
		ExternalId: mapping.Some(id("Id")), Title: mapping.Some(r.Text("Product2.Name")), Description: mapping.Some(lines(r.Text("Description"))),
		UnitPrice: amount(r, "UnitPrice", currency), Total: amount(r, "TotalPrice", currency),
		Product: mapping.Reference(id("Product2Id")), Variant: mapping.Reference(id("PricebookEntryId")), PeriodStart: r.Time("ServiceDate", day),
	}
	if out.Sku = mapping.Some(r.Text("Product2.StockKeepingUnit")); out.Sku == nil {
		out.Sku = mapping.Some(r.Text("Product2.ProductCode"))
	}
	if quantity, ok := number(r, "Quantity"); ok {
		out.Quantity = &quantity
	}
	if last := r.Time("EndDate", day); last != nil { // the last day that is paid for
		out.PeriodEnd = timestamppb.New(last.AsTime().AddDate(0, 0, 1))
	}
	return out
}

// number reads a number; false where there is none.
func number(r *mapping.Reading, field string) (string, bool) {
	raw := r.Text(field)
	if raw == "" {
		return "", false
	}
	plain, ok := plainNumber(raw)
	if !ok {
		r.Unusable(raw, "it is no number")
	}
	return plain, ok
}

// amount reads an amount; nil for none.
func amount(r *mapping.Reading, field, currency string) *canonicalv1.Money {
	text, ok := number(r, field)
	if !ok {
		return nil
	}
	m, err := money.FromDecimal(text, currency)
	if err != nil {
		r.Unusable(text+" "+currency, err.Error())
		return nil
	}
	return m
}

// double is a number as Java prints one, which is how Salesforce's JSON has them: 19.99, 1.0E7, -5.0E-4.
var double = regexp.MustCompile(`^(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?(?:[eE]([+-]?[0-9]{1,2}))?$`)

// plainNumber writes a number without an exponent and without zeros at its end; false where it is none. No digit goes
// through a floating-point number.
func plainNumber(text string) (string, bool) {
	parts := double.FindStringSubmatch(text)
	if parts == nil {
		return "", false
	}
	exponent, _ := strconv.Atoi(parts[4]) // nothing is zero
	digits, point := parts[2]+parts[3], len(parts[2])+exponent
	if point < 1 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction := strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if parts[1] == "-" && whole != "0" {
		whole = "-" + whole
	}
	return whole, true
}
