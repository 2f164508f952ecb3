package shopify

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// How many of an order's lines are asked for at once: alone, and as one of a page, where each line that might be there
// is paid for. No call may cost more than 1,000 points.
const (
	linesOfOne  = 50
	linesOfMany = 5
)

// lineItems is what is asked for of an order's lines.
func lineItems(first int) string {
	return fmt.Sprintf("(first: %d) { pageInfo { hasNextPage endCursor } nodes { %s } }", first, lineFields)
}

const lineFields = `id name sku quantity originalUnitPriceSet { shopMoney { amount currencyCode } }
discountedTotalSet(withCodeDiscounts: true) { shopMoney { amount currencyCode } }
discountAllocations { allocatedAmountSet { shopMoney { amount currencyCode } } }
taxLines { title ratePercentage priceSet { shopMoney { amount currencyCode } } }
product { id } variant { id }`

// connection is a page of an order's lines.
type connection struct {
	PageInfo struct {
		HasNextPage bool   `json:"hasNextPage"`
		EndCursor   string `json:"endCursor"`
	} `json:"pageInfo"`
	Nodes []json.RawMessage `json:"nodes"`
}

// line is Shopify's. Quantity and totals are those before refunds, as the order's totals are.
type line struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	SKU         *string     `json:"sku"`
	Quantity    json.Number `json:"quantity"`
	UnitPrice   bag         `json:"originalUnitPriceSet"`
	Total       bag         `json:"discountedTotalSet"`
	Allocations []struct {
		Amount bag `json:"allocatedAmountSet"`
	} `json:"discountAllocations"`
	Taxes []struct {
		Title string      `json:"title"`
		Rate  json.Number `json:"ratePercentage"`
		Price bag         `json:"priceSet"`
	} `json:"taxLines"`
	Product *named `json:"product"`
	Variant *named `json:"variant"`
}

// named is an object of which the id alone is asked for; nil where it is not there any more.
type named struct {
	ID string `json:"id"`
}

func readLines(r *reading, o *order) {
	var in connection
	var included bool
	r.get("lineItems", &in)
	r.get("taxesIncluded", &included)
	for _, node := range in.Nodes {
		var l line
		if json.Unmarshal(node, &l) != nil {
			r.unusable(string(node), "it is no line as Shopify documents them")
			return
		}
		o.Lines = append(o.Lines, r.line(l, included))
	}
}

func (r *reading) line(in line, included bool) *canonicalv1.Line {
	out := &canonicalv1.Line{
		ExternalId: tail(&named{in.ID}), Title: some(in.Name), Sku: some(text(in.SKU)), Quantity: some(in.Quantity.String()),
		UnitPrice: r.money(in.UnitPrice.Shop), Total: r.money(in.Total.Shop), Product: in.Product.reference(), Variant: in.Variant.reference(),
	}
	for _, d := range in.Allocations {
		if m := r.money(d.Amount.Shop); m != nil && (m.Units != 0 || m.Nanos != 0) {
			out.Discounts = append(out.Discounts, &canonicalv1.Discount{Amount: m})
		}
	}
	for _, t := range in.Taxes {
		out.Taxes = append(out.Taxes, &canonicalv1.Tax{Title: some(t.Title), RatePercent: rate(t.Rate), Amount: r.money(t.Price.Shop), Included: &included})
	}
	return out
}

// isRate is a rate that is meant as it is written: Shopify has them as floating-point numbers.
var isRate = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?$`)

func rate(n json.Number) *string {
	if !isRate.MatchString(n.String()) {
		return nil
	}
	return some(n.String())
}

// tail is the last part of a global id; nil where there is none.
func tail(n *named) *string {
	if n == nil {
		return nil
	}
	i := strings.LastIndex(n.ID, "/")
	return some(n.ID[i+1:])
}

func (n *named) reference() *canonicalv1.Reference {
	id := tail(n)
	if id == nil {
		return nil
	}
	return reference(*id)
}

// plus adds two amounts of one currency; nil counts as nothing.
func (r *reading) plus(a, b *canonicalv1.Money) *canonicalv1.Money {
	if a == nil || b == nil {
		return a
	}
	sum, err := money.Add(a, b)
	if err != nil {
		r.unusable(money.ToDecimal(b)+" "+b.GetCurrencyCode(), err.Error())
	}
	return sum
}
