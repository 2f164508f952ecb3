package salesforce

import (
	"math/big"
	"regexp"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// double is a number as Java prints one, which is how Salesforce's JSON has them: 19.99, 1.0E7, -5.0E-4.
var double = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$`)

// number reads a number, and writes it without an exponent and without zeros at its end; false where there is none. No
// digit goes through a floating-point number.
func number(r *mapping.Reading, field string) (string, bool) {
	raw := r.Text(field)
	if raw == "" {
		return "", false
	}
	if !double.MatchString(raw) {
		r.Unusable(raw, "it is no number")
		return "", false
	}
	n, ok := new(big.Rat).SetString(raw)
	if !ok {
		return "", false // none that the pattern lets through
	}
	digits, _ := n.FloatPrec() // exact: it was decimal
	return n.FloatString(digits), true
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
