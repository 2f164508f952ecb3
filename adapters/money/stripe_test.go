package money_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/bojanz/currency"

	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// As listed on https://docs.stripe.com/currencies.
func TestStripesOwnExponents(t *testing.T) {
	t.Parallel()
	for codes, want := range map[string]int{
		"BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF": 0,
		"EUR USD GBP CHF HUF TWD ISK UGX AFN LAK MRU":                 2,
		"BHD JOD KWD OMR TND":                                         3,
	} {
		for code := range strings.SplitSeq(codes, " ") {
			for _, written := range []string{code, strings.ToLower(code)} {
				if got, err := money.StripeExponent(written); err != nil || got != want {
					t.Errorf("%s has %d digits, %v, want %d", written, got, err, want)
				}
			}
		}
	}
}

func TestStripesAmounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor int64
		code  string
		want  *canonicalv1.Money
	}{
		{1099, "usd", amount("USD", 10, 990_000_000)},
		{500, "jpy", amount("JPY", 500, 0)},
		{500, "isk", amount("ISK", 5, 0)},
		{500, "ugx", amount("UGX", 5, 0)},
		{500, "mga", amount("MGA", 500, 0)},
		{5120, "kwd", amount("KWD", 5, 120_000_000)},
		{-1045, "huf", amount("HUF", -10, -450_000_000)},
	} {
		if got, err := money.FromStripe(c.minor, c.code); err != nil || !proto.Equal(got, c.want) {
			t.Errorf("%d %s is %v, %v", c.minor, c.code, got, err)
		}
		if got, err := money.ToStripe(c.want); err != nil || got != c.minor {
			t.Errorf("%v is %d, %v, want %d", c.want, got, err, c.minor)
		}
	}
}

func TestAmountsFinerThanStripeTakesAreErrors(t *testing.T) {
	t.Parallel()
	for _, m := range []*canonicalv1.Money{
		amount("ISK", 5, 500_000_000), amount("UGX", 0, 10_000_000), amount("KWD", 5, 123_000_000), amount("MGA", 1, 500_000_000), amount("EUR", 0, 5_000_000),
		amount("BHD", 0, -1_000_000),
	} {
		if got, err := money.ToStripe(m); err == nil {
			t.Errorf("%v is %d", m, got)
		}
	}
}

func TestStripesDecimalsAreInTheSmallestUnit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*canonicalv1.Money{
		"1050": amount("EUR", 10, 500_000_000), "0.5": amount("EUR", 0, 5_000_000), "0.0000001": amount("EUR", 0, 1), "-12.5": amount("EUR", 0, -125_000_000),
	} {
		if got, err := money.FromStripeDecimal(text, "eur"); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	if got, err := money.FromStripeDecimal("0.00000001", "eur"); err == nil {
		t.Errorf("less than a nano is %v", got)
	}
	if got, err := money.FromStripeDecimal("0.5", "jpy"); err != nil || !proto.Equal(got, amount("JPY", 0, 500_000_000)) {
		t.Errorf("half a yen is %v, %v", got, err)
	}
}

func TestStripesAmountsComeBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(currency.GetCurrencyCodes()).Draw(t, "code")
		n := rapid.Int64().Draw(t, "amount") / 1000 * 1000 // in steps that Stripe takes for every currency
		m, err := money.FromStripe(n, strings.ToLower(code))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := money.ToStripe(m); err != nil || back != n {
			t.Fatalf("%d %s comes back as %d, %v", n, code, back, err)
		}
	})
}
