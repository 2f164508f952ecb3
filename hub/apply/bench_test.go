package apply_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// BenchmarkApply takes in a change of one attribute of a known customer, with a delivery that follows from it.
func BenchmarkApply(b *testing.B) {
	shop, crm := hubtest.NewVendor(), hubtest.NewVendor()
	h := hubtest.New(b, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": crm}, Policies: hubtest.Preferring("shop", "crm")})
	const customers = 500
	for i := range customers {
		h.Observe("shop", shop.Edit(id(i), hubtest.Named("Ada", fmt.Sprintf("ada%d@example.com", i))))
	}
	var n atomic.Int64
	b.ResetTimer()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			o := shop.Edit(id(i%customers), func(c *canonicalv1.Customer) { c.Phone = proto.String(fmt.Sprintf("+4930%07d", i)) })
			if _, err := h.Applier.Apply(context.Background(), apply.Input{Cause: apply.Cause{Source: "shop", CorrelationID: "bench"}, Observation: o}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "observations/s")
}

func id(i int) adapters.ExternalID { return adapters.ExternalID(fmt.Sprintf("s%d", i)) }
