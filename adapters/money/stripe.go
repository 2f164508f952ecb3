package money

import (
	"fmt"
	"math/big"
	"strings"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// StripeExponent is how many fractional digits Stripe's integer amounts have, by https://docs.stripe.com/currencies.
// They are ISO 4217's but for ISK and UGX, which Stripe writes with two digits for compatibility, and for a few
// currencies that it writes whole though ISO has digits for them.
func StripeExponent(code string) (int, error) {
	switch code = strings.ToUpper(code); code {
	case "ISK", "UGX":
		return 2, nil
	case "MGA":
		return 0, nil
	}
	return digits(code)
}

// FromStripe reads one of Stripe's integer amounts. The code may be in lower case, as Stripe writes it.
func FromStripe(amount int64, code string) (*canonicalv1.Money, error) {
	n, err := StripeExponent(code)
	if err != nil {
		return nil, err
	}
	return scaled(big.NewInt(amount), n, strings.ToUpper(code))
}

// ToStripe writes an amount as Stripe wants it.
func ToStripe(m *canonicalv1.Money) (int64, error) {
	n, err := StripeExponent(m.GetCurrencyCode())
	if err != nil {
		return 0, err
	}
	return minor(m, n)
}

// FromStripeDecimal reads one of Stripe's decimal texts in the smallest unit, such as unit_amount_decimal: "0.5" of EUR
// is 0.005.
func FromStripeDecimal(text, code string) (*canonicalv1.Money, error) {
	n, err := StripeExponent(code)
	if err != nil {
		return nil, err
	}
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("%q is no plain decimal number", text)
	}
	amount, _ := new(big.Int).SetString(parts[2]+parts[3], 10) // the pattern lets digits alone through
	if parts[1] == "-" {
		amount.Neg(amount)
	}
	return scaled(amount, len(parts[3])+n, strings.ToUpper(code))
}
