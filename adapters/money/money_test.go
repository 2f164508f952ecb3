package money_test

import (
	"math"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"github.com/shopspring/decimal"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"buf.build/go/protovalidate"

	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func amount(code string, units int64, nanos int32) *canonicalv1.Money {
	return &canonicalv1.Money{CurrencyCode: code, Units: units, Nanos: nanos}
}

// One amount in its three forms.
func TestAmountsInAllForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor int64
		code  string
		text  string
		want  *canonicalv1.Money
	}{
		{0, "EUR", "0.00", amount("EUR", 0, 0)},
		{1, "EUR", "0.01", amount("EUR", 0, 10_000_000)},
		{1050, "EUR", "10.50", amount("EUR", 10, 500_000_000)},
		{-1050, "EUR", "-10.50", amount("EUR", -10, -500_000_000)},
		{-5, "EUR", "-0.05", amount("EUR", 0, -50_000_000)},
		{1050, "JPY", "1050", amount("JPY", 1050, 0)},
		{-1, "JPY", "-1", amount("JPY", -1, 0)},
		{1234, "KWD", "1.234", amount("KWD", 1, 234_000_000)},
		{-1, "KWD", "-0.001", amount("KWD", 0, -1_000_000)},
		{12345, "CLF", "1.2345", amount("CLF", 1, 234_500_000)},
		{math.MaxInt64, "JPY", "9223372036854775807", amount("JPY", math.MaxInt64, 0)},
		{math.MinInt64, "JPY", "-9223372036854775808", amount("JPY", math.MinInt64, 0)},
		{math.MaxInt64, "EUR", "92233720368547758.07", amount("EUR", 92233720368547758, 70_000_000)},
		{math.MinInt64, "EUR", "-92233720368547758.08", amount("EUR", -92233720368547758, -80_000_000)},
	} {
		fromMinor, err := money.FromMinor(c.minor, c.code)
		if err != nil || !proto.Equal(fromMinor, c.want) {
			t.Errorf("FromMinor(%d, %s) is %v, %v", c.minor, c.code, fromMinor, err)
		}
		fromText, err := money.FromDecimal(c.text, c.code)
		if err != nil || !proto.Equal(fromText, c.want) {
			t.Errorf("FromDecimal(%s, %s) is %v, %v", c.text, c.code, fromText, err)
		}
		if got, err := money.ToMinor(c.want); err != nil || got != c.minor {
			t.Errorf("ToMinor(%v) is %d, %v", c.want, got, err)
		}
		if got := money.ToDecimal(c.want); got != c.text {
			t.Errorf("ToDecimal(%v) is %s, want %s", c.want, got, c.text)
		}
	}
}

func TestDecimalTextsThatVendorsWriteOtherwise(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10": "10.00", "10.5": "10.50", "10.500": "10.50", "007.10": "7.10", "-0": "0.00", "-0.00": "0.00", "0.001": "0.001", "0.123456789": "0.123456789",
		"0.1234567890": "0.123456789", "1.000000000000000000000000000000": "1.00",
	} {
		m, err := money.FromDecimal(text, "eur")
		if err != nil || money.ToDecimal(m) != want || m.GetCurrencyCode() != "EUR" {
			t.Errorf("%q is %v, %v, want %s", text, m, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "1e5", "1E5", "1e-2", "1,5", "1,000.00", "1.000,00", "1 000", "+1", "+1.00", " 1", "1 ", "1\n", "\t1", "--1", "1-", ".5", "5.", "1.2.3", "0x10", "1_000",
		"NaN", "Inf", "-", ".", "€5", "٣", "−5", strings.Repeat("9", 31), "1." + strings.Repeat("0", 31),
	} {
		if m, err := money.FromDecimal(text, "EUR"); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
}

func TestWhatDoesNotFitIsAnErrorAndNeverRounded(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"ten digits":            second(money.FromDecimal("0.1234567891", "EUR")),
		"units over 64 bits":    second(money.FromDecimal("9223372036854775808", "EUR")),
		"units below 64 bits":   second(money.FromDecimal("-9223372036854775809", "JPY")),
		"cents over 64 bits":    second(money.ToMinor(amount("EUR", 92233720368547758, 80_000_000))),
		"cents below 64 bits":   second(money.ToMinor(amount("EUR", math.MinInt64, 0))),
		"half a cent":           second(money.ToMinor(amount("EUR", 0, 5_000_000))),
		"half a yen":            second(money.ToMinor(amount("JPY", 1, 500_000_000))),
		"a nano":                second(money.ToMinor(amount("KWD", 0, 1))),
		"unknown currency":      second(money.FromMinor(1, "ZZZ")),
		"no currency":           second(money.FromDecimal("1", "")),
		"currency with a blank": second(money.FromMinor(1, "EUR ")),
		"currency by number":    second(money.FromMinor(1, "978")),
		"currency by symbol":    second(money.FromMinor(1, "€")),
		"currency long gone":    second(money.FromMinor(1, "DEM")),
		"Stripe's unknown":      second(money.FromStripe(1, "zzz")),
		"Stripe's decimal":      second(money.FromStripeDecimal("1e2", "eur")),
		"to Stripe":             second(money.ToStripe(amount("", 1, 0))),
		"nothing":               second(money.ToMinor(nil)),
	} {
		if err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	_, err := money.FromMinor(1, "ada@example.com, 4 Byron Street")
	if err == nil || strings.Contains(err.Error(), "Byron") {
		t.Errorf("the error quotes whatever came: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// anyMoney has any currency and any valid amount.
func anyMoney(t *rapid.T) *canonicalv1.Money {
	m := amount(rapid.SampledFrom(currency.GetCurrencyCodes()).Draw(t, "code"), rapid.Int64().Draw(t, "units"), rapid.Int32Range(0, 999_999_999).Draw(t, "nanos"))
	if m.GetUnits() < 0 || m.GetUnits() == 0 && rapid.Bool().Draw(t, "negative") {
		m.Nanos = -m.GetNanos()
	}
	return m
}

func TestMinorUnitsComeBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, code := rapid.Int64().Draw(t, "amount"), rapid.SampledFrom(currency.GetCurrencyCodes()).Draw(t, "code")
		m, err := money.FromMinor(n, code)
		if err != nil {
			t.Fatal(err)
		}
		if err := protovalidate.Validate(m); err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		if back, err := money.ToMinor(m); err != nil || back != n {
			t.Fatalf("%d %s comes back as %d, %v", n, code, back, err)
		}
	})
}

func TestDecimalsComeBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoney(t)
		text := money.ToDecimal(m)
		back, err := money.FromDecimal(text, m.GetCurrencyCode())
		if err != nil || !proto.Equal(back, m) {
			t.Fatalf("%v is %s and comes back as %v, %v", m, text, back, err)
		}
		want := decimal.New(m.GetUnits(), 0).Add(decimal.New(int64(m.GetNanos()), -9))
		if got, err := decimal.NewFromString(text); err != nil || !got.Equal(want) {
			t.Fatalf("%v is %s, want %s by another library", m, text, want)
		}
	})
}

// Whatever is not refused is what another library reads, to the last digit.
func TestDecimalTextsMeanWhatAnotherLibraryReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[-+]?[0-9]{0,20}(\.[0-9]{0,12})?(e[0-9])?`), rapid.String()).Draw(t, "text")
		m, err := money.FromDecimal(text, "EUR")
		if err != nil {
			return
		}
		want, err := decimal.NewFromString(text)
		if err != nil || !want.Equal(decimal.New(m.GetUnits(), 0).Add(decimal.New(int64(m.GetNanos()), -9))) {
			t.Fatalf("%q is %v, want %s, %v", text, m, want, err)
		}
		if err := protovalidate.Validate(m); err != nil {
			t.Fatalf("%v: %v", m, err)
		}
	})
}

// ToMinor is exact or an error.
func TestMinorUnitsAreNeverRounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoney(t)
		n, err := money.ToMinor(m)
		if err != nil {
			return
		}
		if back, err := money.FromMinor(n, m.GetCurrencyCode()); err != nil || !proto.Equal(back, m) {
			t.Fatalf("%v became %d, which is %v, %v", m, n, back, err)
		}
	})
}
