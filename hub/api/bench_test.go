package api_test

import (
	"io"
	"net/http"
	"testing"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

func BenchmarkGet(b *testing.B) {
	w := setup(b)
	id := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	b.Run("gRPC", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := w.customers.GetCustomer(b.Context(), &hubv1.GetCustomerRequest{Id: id}); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("REST", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				response, err := client.Get(w.rest + "/v1/customers/" + id)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	})
}
