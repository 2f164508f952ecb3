package money

import (
	"errors"
	"math/big"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

var errCurrencies = errors.New("the amounts are of two currencies")

// Add is the sum of two amounts of one currency.
func Add(a, b *canonicalv1.Money) (*canonicalv1.Money, error) {
	if a.GetCurrencyCode() != b.GetCurrencyCode() {
		return nil, errCurrencies
	}
	return scaled(new(big.Int).Add(nanos(a), nanos(b)), nanoDigits, a.GetCurrencyCode())
}
