// Package money converts between the canonical Money and what vendors write, exactly: integers of the smallest unit and
// decimal texts. There is no floating-point number in it.
package money

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/bojanz/currency"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const nanoDigits = 9

// digits is how many fractional digits ISO 4217 gives a currency.
func digits(code string) (int, error) {
	n, ok := currency.GetDigits(code)
	if !ok {
		return 0, fmt.Errorf("%q is no currency of ISO 4217", code)
	}
	return int(n), nil
}

// FromMinor reads an amount in the currency's smallest unit: 1050 EUR is 10.50, 1050 JPY is 1050.
func FromMinor(amount int64, code string) (*canonicalv1.Money, error) {
	code = strings.ToUpper(code)
	n, err := digits(code)
	if err != nil {
		return nil, err
	}
	return scaled(big.NewInt(amount), n, code)
}

// ToMinor writes an amount in the currency's smallest unit; an amount that has a fraction of it is an error.
func ToMinor(m *canonicalv1.Money) (int64, error) {
	n, err := digits(m.GetCurrencyCode())
	if err != nil {
		return 0, err
	}
	return minor(m, n)
}

// scaled makes Money of amount / 10^exponent.
func scaled(amount *big.Int, exponent int, code string) (*canonicalv1.Money, error) {
	if exponent > nanoDigits {
		extra := power(exponent - nanoDigits)
		quotient, rest := new(big.Int).QuoRem(amount, extra, new(big.Int))
		if rest.Sign() != 0 {
			return nil, fmt.Errorf("the amount has more than %d fractional digits", nanoDigits)
		}
		amount, exponent = quotient, nanoDigits
	}
	units, fraction := new(big.Int).QuoRem(amount, power(exponent), new(big.Int))
	nanos := fraction.Mul(fraction, power(nanoDigits-exponent))
	if !units.IsInt64() {
		return nil, fmt.Errorf("the amount is too large")
	}
	return &canonicalv1.Money{CurrencyCode: code, Units: units.Int64(), Nanos: int32(nanos.Int64())}, nil
}

func minor(m *canonicalv1.Money, exponent int) (int64, error) {
	total := nanos(m)
	quotient, rest := total.QuoRem(total, power(nanoDigits-exponent), new(big.Int))
	if rest.Sign() != 0 {
		return 0, fmt.Errorf("%s has a fraction of the smallest unit of %s", ToDecimal(m), m.GetCurrencyCode())
	}
	if !quotient.IsInt64() {
		return 0, fmt.Errorf("%s %s is too large", ToDecimal(m), m.GetCurrencyCode())
	}
	return quotient.Int64(), nil
}

func nanos(m *canonicalv1.Money) *big.Int {
	total := new(big.Int).Mul(big.NewInt(m.GetUnits()), power(nanoDigits))
	return total.Add(total, big.NewInt(int64(m.GetNanos())))
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// decimal is plain notation: no exponent, no grouping, a dot.
var decimal = regexp.MustCompile(`^([+-]?)([0-9]{1,30})(?:\.([0-9]{1,30}))?$`)

// FromDecimal reads a decimal text such as "10.50", of up to nine fractional digits. Exponents, commas and blanks are
// errors: whoever writes them must say what they mean.
func FromDecimal(text, code string) (*canonicalv1.Money, error) {
	code = strings.ToUpper(code)
	if _, err := digits(code); err != nil {
		return nil, err
	}
	return FromText(text, code)
}

// FromText is FromDecimal for a currency that has been checked.
func FromText(text, code string) (*canonicalv1.Money, error) {
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("%q is no plain decimal number", text)
	}
	amount, _ := new(big.Int).SetString(parts[2]+parts[3], 10) // the pattern lets digits alone through
	if parts[1] == "-" {
		amount.Neg(amount)
	}
	return scaled(amount, len(parts[3]), code)
}

// ToDecimal writes the amount with at least the currency's digits: "10.50", "1050", "-0.001".
func ToDecimal(m *canonicalv1.Money) string {
	total := nanos(m)
	sign := ""
	if total.Sign() < 0 {
		sign = "-"
		total.Neg(total)
	}
	text := fmt.Sprintf("%010s", total.String())
	whole, fraction := text[:len(text)-nanoDigits], text[len(text)-nanoDigits:]
	keep, err := digits(m.GetCurrencyCode())
	if err != nil {
		keep = 0
	}
	for len(fraction) > keep && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}
