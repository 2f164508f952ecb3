package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protojson"
)

// gateway turns REST into gRPC, in memory: it makes one attempt and has no rules of its own but strictness about names.
type gateway struct {
	mux   *runtime.ServeMux
	conn  *grpc.ClientConn
	known parameters
	// streams are the routes whose answers are streams.
	streams map[string]bool
	// stopping ends when the process is about to.
	stopping context.Context
	log      *slog.Logger
}

// restJSON has the names and absences of proto's JSON form; a field that we do not know is a mistake, not a wish to
// ignore.
var restJSON = &runtime.JSONPb{
	MarshalOptions:   protojson.MarshalOptions{UseProtoNames: false, EmitUnpopulated: false},
	UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
}

// strictBody takes a body that is one JSON value, and nothing after it.
type strictBody struct{ *runtime.JSONPb }

// NewDecoder reads a body.
func (b strictBody) NewDecoder(body io.Reader) runtime.Decoder {
	decoder := b.JSONPb.NewDecoder(body)
	return runtime.DecoderFunc(func(v any) error {
		if err := decoder.Decode(v); err != nil {
			return err
		}
		if rest, ok := decoder.(runtime.DecoderWrapper); ok && rest.More() {
			return errors.New("the body goes on after its end")
		}
		return nil
	})
}

func newGateway(memory *bufconn.Listener, stopping context.Context, log *slog.Logger) (*gateway, error) {
	conn, err := grpc.NewClient("passthrough:///memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // it never leaves the process
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, fmt.Errorf("api: gateway: %w", err)
	}
	known, streams, err := routes()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	g := &gateway{conn: conn, known: known, streams: streams, stopping: stopping, log: log}
	none := func(string) (string, bool) { return "", false }
	g.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, lines{strictBody{restJSON}}),
		runtime.WithMiddlewares(g.strict, g.bounded),
		runtime.WithIncomingHeaderMatcher(incomingHeader),
		runtime.WithOutgoingHeaderMatcher(none), // ServeHTTP has set the correlation id
		runtime.WithOutgoingTrailerMatcher(none),
		runtime.WithErrorHandler(g.fail),
		runtime.WithRoutingErrorHandler(noRoute),
		runtime.WithDisablePathLengthFallback(), // a form POST is no GET: it would pass by what guards against cross-site requests
		runtime.WithDisableHTTPMethodOverride(),
	)
	for _, r := range services {
		if err := r.gateway(context.Background(), g.mux, conn); err != nil {
			return nil, errors.Join(fmt.Errorf("api: gateway: %w", err), conn.Close())
		}
	}
	return g, nil
}

func (g *gateway) close() { _ = g.conn.Close() }

// ServeHTTP serves /v1/ under a correlation id of the caller's or our own choice.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := saneOrNew(r.Header.Get(correlationHeader))
	r = r.Clone(context.WithValue(r.Context(), correlationKey{}, id))
	r.Header.Set(correlationHeader, id)
	w.Header().Set(correlationHeader, id)
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	g.mux.ServeHTTP(w, r)
}

// bounded ends requests after callTime, but streams.
func (g *gateway) bounded(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
		if pattern, _ := runtime.HTTPPattern(r.Context()); !g.streams[r.Method+" "+pattern.String()] {
			ctx, cancel := context.WithTimeout(r.Context(), callTime)
			defer cancel()
			r = r.WithContext(ctx)
		} else {
			stream, done := g.stream(w)
			defer done()
			w = stream
		}
		next(w, r, path)
	}
}

// incomingHeader passes on what the gRPC side reads; the gateway passes Authorization by itself.
func incomingHeader(name string) (string, bool) {
	switch name {
	case "X-Correlation-Id", "Traceparent", "Tracestate":
		return name, true
	}
	return "", false
}

// fail answers with the status that the gRPC side made, or makes one of what the gateway itself found: a parameter that
// does not parse, the request's time.
func (g *gateway) fail(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	if st := status.Convert(err); len(st.Details()) == 0 {
		correlation := correlationOf(r.Context())
		switch st.Code() {
		case codes.InvalidArgument:
			message := st.Message()
			if strings.Contains(r.URL.Path, "/credentials/") { // what would be told quotes the body
				message = "the request cannot be read; /openapi.json tells what it looks like"
			}
			err = invalidField("", message).status(st.Code(), correlation).Err()
		case codes.DeadlineExceeded, codes.Canceled:
			err = deadline("the request's time ran out").status(st.Code(), correlation).Err()
		case codes.Internal, codes.Unknown:
			g.log.Error("REST failed", "path", r.URL.Path, "correlation_id", correlation, "error", err)
			err = internal.status(codes.Internal, correlation).Err()
		}
	}
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, challenging{w}, r, err)
}

// noRoute answers for paths and methods that REST does not have.
func noRoute(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	grpcCode, message := codes.NotFound, "nothing is served at this path; /openapi.json tells what is"
	switch code {
	case http.StatusMethodNotAllowed:
		grpcCode, message = codes.Unimplemented, "this path does not serve "+r.Method
	case http.StatusBadRequest:
		grpcCode, message = codes.InvalidArgument, "the path cannot be read"
	}
	err := invalidField("", message).status(grpcCode, correlationOf(r.Context())).Err()
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, &runtime.HTTPStatusError{HTTPStatus: code, Err: err})
}

// challenging says with a 401 how to authenticate (RFC 9110, section 11.6.1), where the gateway puts its message.
type challenging struct{ http.ResponseWriter }

// WriteHeader completes the headers.
func (c challenging) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", "Bearer")
	}
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (c challenging) Unwrap() http.ResponseWriter { return c.ResponseWriter }
