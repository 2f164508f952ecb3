package shopify

import (
	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// bag is an amount in the shop's currency.
type bag struct {
	Shop amount `json:"shopMoney"`
}

type amount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currencyCode"`
}

// money reads an amount; nil for none.
func (a amount) money(r *mapping.Reading) *canonicalv1.Money {
	if a.Amount == "" && a.Currency == "" {
		return nil
	}
	m, err := money.FromDecimal(a.Amount, a.Currency)
	if err != nil {
		r.Unusable(a.Amount+" "+a.Currency, err.Error())
		return nil
	}
	return m
}

// amounts are the fields of fields that are amounts.
func amounts(fields ...string) (all []string) {
	for _, field := range fields {
		all = append(all, field+".amount", field+".currencyCode")
	}
	return all
}

func amountOf(r *mapping.Reading, field string) amount {
	return amount{r.Text(field + ".amount"), r.Text(field + ".currencyCode")}
}

// total maps an amount.
func total(path, field string) mapping.Row {
	return mapping.ValueOf(path, amounts(field), func(r *mapping.Reading) *canonicalv1.Money { return amountOf(r, field).money(r) })
}

// readSubtotal adds the discounts on the whole order to Shopify's subtotal, from which they are taken.
func readSubtotal(r *mapping.Reading) *canonicalv1.Money {
	subtotal, discount := amountOf(r, "subtotalPriceSet.shopMoney").money(r), amountOf(r, "cartDiscountAmountSet.shopMoney").money(r)
	if subtotal == nil || discount == nil {
		return subtotal
	}
	sum, err := money.Add(subtotal, discount)
	if err != nil {
		r.Unusable(money.ToDecimal(discount)+" "+discount.GetCurrencyCode(), err.Error())
	}
	return sum
}

// readPresentment keeps what the buyer saw.
func readPresentment(r *mapping.Reading, o *order) {
	shop, seen := amountOf(r, "totalPriceSet.shopMoney"), amountOf(r, "totalPriceSet.presentmentMoney")
	if shop == (amount{}) || seen.Currency == shop.Currency {
		return
	}
	if m := seen.money(r); m != nil {
		o.Custom = map[string]*canonicalv1.CustomValue{presentment: {Value: &canonicalv1.CustomValue_Money{Money: m}}}
	}
}
