package money_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestAddIsExact(t *testing.T) {
	t.Parallel()
	euros := func(units int64, nanos int32) *canonicalv1.Money {
		return &canonicalv1.Money{CurrencyCode: "EUR", Units: units, Nanos: nanos}
	}
	for _, c := range []struct{ a, b, want *canonicalv1.Money }{
		{euros(0, 100_000_000), euros(0, 200_000_000), euros(0, 300_000_000)},
		{euros(1, 990_000_000), euros(0, 10_000_000), euros(2, 0)},
		{euros(1, 0), euros(-1, -500_000_000), euros(0, -500_000_000)},
		{euros(-3, -700_000_000), euros(2, 900_000_000), euros(0, -800_000_000)},
	} {
		if got, err := money.Add(c.a, c.b); err != nil || !proto.Equal(got, c.want) {
			t.Errorf("%v + %v is %v, %v; want %v", c.a, c.b, got, err, c.want)
		}
	}
	for _, pair := range [][2]*canonicalv1.Money{
		{euros(1, 0), {CurrencyCode: "USD", Units: 1}}, {euros(math.MaxInt64, 0), euros(1, 0)},
	} {
		if got, err := money.Add(pair[0], pair[1]); err == nil {
			t.Errorf("%v + %v is %v, want an error", pair[0], pair[1], got)
		}
	}
}
