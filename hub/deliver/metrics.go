package deliver

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what the guards of deliveries did. A nil *Metrics counts nothing.
type Metrics struct {
	tugsOfWar, brakes *prometheus.CounterVec
}

// NewMetrics registers the counters.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		tugsOfWar: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "canonhub_tugs_of_war_total", Help: "Attributes of objects that are left alone since something at the connection keeps undoing them.",
		}, []string{"connection"}),
		brakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "canonhub_brakes_total", Help: "How often deliveries were stopped because too much would have changed at the connection.",
		}, []string{"connection", "kind"}),
	}
	for _, c := range []prometheus.Collector{m.tugsOfWar, m.brakes} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("deliver: metrics: %w", err)
		}
	}
	return m, nil
}

func (m *Metrics) tugOfWar(connection string) {
	if m != nil {
		m.tugsOfWar.WithLabelValues(connection).Inc()
	}
}

func (m *Metrics) brake(connection, kind string) {
	if m != nil {
		m.brakes.WithLabelValues(connection, kind).Inc()
	}
}
