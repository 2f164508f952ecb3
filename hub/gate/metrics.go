package gate

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/hub/store"
)

// Metrics show what waits for a person. Every process shows all of it, as the store has it.
type Metrics struct{ braked, paused *prometheus.GaugeVec }

// NewMetrics registers them.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		braked: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "canonhub_braked_attributes", Help: "Attributes whose brake stops the deliveries of their kind to a connection.",
		}, []string{"connection", "kind"}),
		paused: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "canonhub_connection_paused", Help: "1 while nothing goes out to a connection; by hub, since its credentials are refused, or by operator.",
		}, []string{"connection", "by"}),
	}
	for _, gauge := range []*prometheus.GaugeVec{m.braked, m.paused} {
		if err := registry.Register(gauge); err != nil {
			return nil, fmt.Errorf("gate: metrics: %w", err)
		}
	}
	return m, nil
}

func (m *Metrics) showBraked(on []*store.Brake) {
	m.braked.Reset()
	for _, b := range on {
		m.braked.WithLabelValues(b.Connection, string(b.Kind)).Inc()
	}
}

// LookAfterPauses shows the connections that are paused.
func (g *Gate) LookAfterPauses(ctx context.Context) error {
	if g.Metrics == nil {
		return nil
	}
	paused, err := g.Store.PausedConnections(ctx)
	if err != nil {
		return err
	}
	g.Metrics.paused.Reset()
	for _, c := range paused {
		by := "operator"
		if c.PausedBy == "" {
			by = "hub"
		}
		g.Metrics.paused.WithLabelValues(c.Name, by).Set(1)
	}
	return nil
}
