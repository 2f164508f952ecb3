package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/canonhub/canonhub/gen/openapi"
)

// page names the doors for whoever opens the port in a browser.
const page = `canonhub

/v1/                     REST: customers, orders, invoices, tickets, their changes, the policy
/openapi.json            what REST takes and answers
/webhooks/{connection}   POST: where vendors send events; GET: where some try the address out
/healthz                 this process runs
/readyz                  it can serve: the database answers
/metrics                 Prometheus metrics
`

// doors is the HTTP port. Webhooks stand outside of the guard: vendors reach them by the public name of a proxy or
// tunnel, and each is verified by its signature.
func doors(o Options, gateway http.Handler) http.Handler {
	inside := http.NewServeMux()
	inside.Handle("/v1/", gateway)
	inside.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(openapi.Document)
	})
	inside.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	inside.Handle("GET /readyz", &readiness{ready: o.Ready, log: o.Log})
	inside.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	inside.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, page) })

	all := http.NewServeMux()
	all.Handle("POST /webhooks/{connection}", o.Webhooks)
	all.Handle("GET /webhooks/{connection}", o.Webhooks)
	if o.Grants != nil {
		all.Handle("GET /oauth/callback", o.Grants)
	}
	all.Handle("/", guard(o.Hosts, inside))
	return all
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text)
}

// readyTime bounds one look at the database.
const readyTime = 2 * time.Second

// readiness answers whether the hub can serve, and logs when that changes.
type readiness struct {
	ready func(context.Context) error
	log   *slog.Logger
	down  atomic.Bool
}

// ServeHTTP answers 200 or 503. The reason is in the log: the door is open to all who reach it.
func (h *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	err := h.ready(ctx)
	switch was := h.down.Swap(err != nil); {
	case err != nil && !was:
		h.log.Error("not ready", "error", err)
	case err == nil && was:
		h.log.Info("ready again")
	}
	if err != nil {
		plain(w, http.StatusServiceUnavailable, fmt.Sprintln("not ready: the database does not answer"))
		return
	}
	plain(w, http.StatusOK, "ready\n")
}
