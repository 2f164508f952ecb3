package shopify

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/canonhub/canonhub/adapters/mapping"
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
	return fmt.Sprintf("lineItems(first: %d) { pageInfo { hasNextPage endCursor } nodes { %s } }", first, lineFields)
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
	SKU         string      `json:"sku"`
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
	Product named `json:"product"`
	Variant named `json:"variant"`
}

// named is an object of which the id alone is asked for; it has none where it is not there any more.
type named struct {
	ID string `json:"id"`
}

// tail is the last part of a global id.
func tail(gid string) string { return gid[strings.LastIndex(gid, "/")+1:] }

func readLines(r *mapping.Reading, o *order) {
	var in connection
	var included bool
	r.Get("lineItems", &in)
	r.Get("taxesIncluded", &included)
	for _, node := range in.Nodes {
		var l line
		if json.Unmarshal(node, &l) != nil {
			r.Unusable(string(node), "it is no line as Shopify documents them")
			return
		}
		o.Lines = append(o.Lines, l.canonical(r, included))
	}
}

func (l line) canonical(r *mapping.Reading, included bool) *canonicalv1.Line {
	out := &canonicalv1.Line{
		ExternalId: mapping.Some(tail(l.ID)), Title: mapping.Some(l.Name), Sku: mapping.Some(l.SKU), Quantity: mapping.Some(l.Quantity.String()),
		UnitPrice: l.UnitPrice.Shop.money(r), Total: l.Total.Shop.money(r),
		Product: mapping.Reference(tail(l.Product.ID)), Variant: mapping.Reference(tail(l.Variant.ID)),
	}
	for _, d := range l.Allocations {
		if m := d.Amount.Shop.money(r); m != nil && (m.Units != 0 || m.Nanos != 0) {
			out.Discounts = append(out.Discounts, &canonicalv1.Discount{Amount: m})
		}
	}
	for _, t := range l.Taxes {
		out.Taxes = append(out.Taxes, &canonicalv1.Tax{Title: mapping.Some(t.Title), RatePercent: rate(t.Rate), Amount: t.Price.Shop.money(r), Included: &included})
	}
	return out
}

// isRate is a rate that is meant as it is written: Shopify has them as floating-point numbers.
var isRate = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?$`)

func rate(n json.Number) *string {
	if !isRate.MatchString(n.String()) {
		return nil
	}
	return mapping.Some(n.String())
}
