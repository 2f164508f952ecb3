package limits

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics show how connections' limits do, in this process.
type Metrics struct {
	rate, open, left *prometheus.GaugeVec
	deferred         *prometheus.CounterVec
	waited           *prometheus.HistogramVec
}

// NewMetrics registers them.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		rate: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "canonhub_connection_rate", Help: "Calls a second that this process may make to a connection by now."}, []string{"connection"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "canonhub_breaker_open", Help: "1 while a connection's circuit breaker is open, 0.5 while it tries."}, []string{"connection"}),
		left: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "canonhub_vendor_limit_remaining", Help: "What is left of a vendor's own limit, as it last said."}, []string{"connection", "limit"}),
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "canonhub_work_deferred_total", Help: "Work that was put back into the queue, since it was not its connection's time."}, []string{"connection"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "canonhub_call_wait_seconds", Help: "How long calls waited for their turn.", Buckets: []float64{.001, .01, .1, .5, 1, 5, 20}}, []string{"connection"}),
	}
	var errs error
	for _, c := range []prometheus.Collector{m.rate, m.open, m.left, m.deferred, m.waited} {
		errs = errors.Join(errs, registry.Register(c))
	}
	if errs != nil {
		return nil, fmt.Errorf("limits: metrics: %w", errs)
	}
	return m, nil
}
