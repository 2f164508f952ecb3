package money

import (
	"fmt"
	"math/big"
	"strings"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// StripeExponent is how many fractional digits Stripe's integer amounts have, by https://docs.stripe.com/currencies.
// They are ISO 4217's but for three currencies: Stripe writes MGA whole, and ISK and UGX with two digits, for
// compatibility. UGX stands in both of Stripe's lists; the special case governs.
func StripeExponent(code string) (int, error) {
	switch strings.ToUpper(code) {
	case "ISK", "UGX":
		return 2, nil
	case "MGA":
		return 0, nil
	}
	return digits(code)
}

// stripeStep is what Stripe's amounts are multiples of where it takes no finer ones: no fractions of ISK and UGX, and
// thousandths that end in 0.
func stripeStep(code string, exponent int) int64 {
	switch code = strings.ToUpper(code); {
	case code == "ISK" || code == "UGX":
		return 100
	case exponent == 3:
		return 10
	}
	return 1
}

// FromStripe reads one of Stripe's integer amounts. The code may be in lower case, as Stripe writes it.
func FromStripe(amount int64, code string) (*canonicalv1.Money, error) {
	n, err := StripeExponent(code)
	if err != nil {
		return nil, err
	}
	return scaled(big.NewInt(amount), n, code)
}

// FromStripeDecimal reads one of Stripe's decimal texts in the smallest unit, such as unit_amount_decimal: "0.5" of EUR
// is 0.005.
func FromStripeDecimal(text, code string) (*canonicalv1.Money, error) {
	n, err := StripeExponent(code)
	if err != nil {
		return nil, err
	}
	amount, exponent, err := parse(text)
	if err != nil {
		return nil, err
	}
	return scaled(amount, exponent+n, code)
}

// ToStripe writes an amount as Stripe takes it; one that is finer than that is an error.
func ToStripe(m *canonicalv1.Money) (int64, error) {
	n, err := StripeExponent(m.GetCurrencyCode())
	if err != nil {
		return 0, err
	}
	amount, err := minor(m, n)
	if err != nil {
		return 0, err
	}
	if amount%stripeStep(m.GetCurrencyCode(), n) != 0 {
		return 0, fmt.Errorf("%s %s is finer than Stripe takes", ToDecimal(m), m.GetCurrencyCode())
	}
	return amount, nil
}
