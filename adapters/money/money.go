// Package money converts between the canonical Money and what vendors write, exactly: integers of the smallest unit and
// decimal texts. There is no floating-point number in it.
package money

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/bojanz/currency"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// nanoDigits is how many fractional digits Money holds.
const nanoDigits = 9

var (
	errNotPlain = errors.New("the amount is no plain decimal number such as -12.50: no exponent, no grouping, a dot")
	errTooLarge = errors.New("the amount is larger than 64 bits hold")
	errTooFine  = fmt.Errorf("the amount has more than %d fractional digits", nanoDigits)
)

// FromMinor reads an amount in the currency's smallest unit: 1050 EUR is 10.50, 1050 JPY is 1050.
func FromMinor(amount int64, code string) (*canonicalv1.Money, error) {
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

// FromDecimal reads a decimal text such as "10.50", of up to nine fractional digits. Exponents, commas, blanks and a
// plus sign are errors: whoever writes them must say what they mean.
func FromDecimal(text, code string) (*canonicalv1.Money, error) {
	if _, err := digits(code); err != nil {
		return nil, err
	}
	amount, exponent, err := parse(text)
	if err != nil {
		return nil, err
	}
	return scaled(amount, exponent, code)
}

// ToDecimal writes the amount with at least the currency's digits: "10.50", "1050", "-0.001".
func ToDecimal(m *canonicalv1.Money) string {
	total := nanos(m)
	text := fmt.Sprintf("%0*d", nanoDigits+1, new(big.Int).Abs(total))
	whole, fraction := text[:len(text)-nanoDigits], text[len(text)-nanoDigits:]
	keep, err := digits(m.GetCurrencyCode())
	if err != nil {
		keep = 0 // a currency that we do not know has no digits that it must have
	}
	for len(fraction) > keep && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if total.Sign() < 0 {
		return "-" + whole
	}
	return whole
}

// digits is how many fractional digits ISO 4217 gives a currency.
func digits(code string) (int, error) {
	n, ok := currency.GetDigits(strings.ToUpper(code))
	if !ok {
		return 0, fmt.Errorf("%.8q is no currency code of ISO 4217", code)
	}
	return int(n), nil
}

// plain is plain notation. The bound keeps a hostile text from becoming work.
var plain = regexp.MustCompile(`^(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?$`)

// parse reads plain notation as amount / 10^exponent.
func parse(text string) (amount *big.Int, exponent int, err error) {
	parts := plain.FindStringSubmatch(text)
	if parts == nil {
		return nil, 0, errNotPlain
	}
	amount, _ = new(big.Int).SetString(parts[1]+parts[2]+parts[3], 10) // the pattern lets digits alone through
	return amount, len(parts[3]), nil
}

// scaled makes Money of amount / 10^exponent.
func scaled(amount *big.Int, exponent int, code string) (*canonicalv1.Money, error) {
	if exponent > nanoDigits {
		quotient, rest := new(big.Int).QuoRem(amount, power(exponent-nanoDigits), new(big.Int))
		if rest.Sign() != 0 {
			return nil, errTooFine
		}
		amount, exponent = quotient, nanoDigits
	}
	units, fraction := new(big.Int).QuoRem(amount, power(exponent), new(big.Int))
	if !units.IsInt64() {
		return nil, errTooLarge
	}
	nanos := fraction.Mul(fraction, power(nanoDigits-exponent))
	return &canonicalv1.Money{CurrencyCode: strings.ToUpper(code), Units: units.Int64(), Nanos: int32(nanos.Int64())}, nil
}

// minor is the amount in units of 10^-exponent.
func minor(m *canonicalv1.Money, exponent int) (int64, error) {
	quotient, rest := new(big.Int).QuoRem(nanos(m), power(nanoDigits-exponent), new(big.Int))
	if rest.Sign() != 0 {
		return 0, fmt.Errorf("%s has a fraction of the smallest unit of %s", ToDecimal(m), m.GetCurrencyCode())
	}
	if !quotient.IsInt64() {
		return 0, errTooLarge
	}
	return quotient.Int64(), nil
}

func nanos(m *canonicalv1.Money) *big.Int {
	total := new(big.Int).Mul(big.NewInt(m.GetUnits()), power(nanoDigits))
	return total.Add(total, big.NewInt(int64(m.GetNanos())))
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
