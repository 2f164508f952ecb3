package money

import (
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
