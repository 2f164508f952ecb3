package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters/around"
	"github.com/canonhub/canonhub/adapters/fault"
)

// calls measures what vendors are called for.
type calls struct {
	seconds *prometheus.HistogramVec
}

func newCalls(registry prometheus.Registerer) (calls, error) {
	c := calls{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "canonhub_vendor_call_seconds", Help: "Time that uses of adapters took with the wait for the connection's limits; the outcome is ok or the fault's category.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"connection", "op", "kind", "outcome"})}
	return c, registry.Register(c.seconds)
}

// of measures the calls of one connection.
func (c calls) of(connection string) func(context.Context, around.Call, func(context.Context) error) error {
	return func(ctx context.Context, call around.Call, next func(context.Context) error) error {
		begun := time.Now()
		err := next(ctx)
		outcome := "ok"
		if err != nil {
			outcome = string(fault.CategoryOf(err))
		}
		c.seconds.WithLabelValues(connection, call.Op, string(call.Kind), outcome).Observe(time.Since(begun).Seconds())
		return err
	}
}
