package api_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
)

func TestRESTRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := string(w.put(model.Customer, "shop", "s1"))
	for path, want := range map[string]int{
		"/v1/customers?pagesize=1":                                  400,
		"/v1/customers?page_size=1&page_size=2":                     400,
		"/v1/customers?page_size=1&pageSize=1":                      400,
		"/v1/customers?page_size=many":                              400,
		"/v1/customers?page_size.x=1":                               400,
		"/v1/customers?filter=%ff":                                  400,
		"/v1/customers?filter=%zz":                                  400,
		"/v1/customers?a;b":                                         400,
		"/v1/customers/" + id + "?verbose=true":                     400,
		"/v1/customers/" + id + "?id=" + id:                         400,
		"/v1/customers/" + id + ":explain?x=1":                      400,
		"/v1/customers/%ff":                                         400,
		"/v1/customers:lookup?connection=shop&external_id=s1&x=":    400,
		"/v1/customers:batchGet?ids=" + id + "&Ids=" + id:           400,
		"/v1/customers/":                                            400,
		"/v1/customer":                                              404,
		"/v1/customers/" + id + "/x":                                404,
		"/v1/customers:lookup?connection=shop&external_id=s1":       200,
		"/v1/customers/" + strings.Replace(id, "_", "%5f", 1):       200,
		"/v1/customers?pageSize=1&orderBy=update_time+desc":         200,
		"/v1/customers:batchGet?ids=" + id + "&ids=" + id + "&ids=": 400,
	} {
		a := w.get(path)
		if a.code != want || want >= 400 && a.reason() != "INVALID_REQUEST" {
			t.Errorf("GET %s: %d %s, want %d", path, a.code, a.text, want)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		if a := w.send(method, "/v1/customers/"+id); a.code != 405 && a.code != 501 {
			t.Errorf("%s: %d %s", method, a.code, a.text)
		}
	}
	if a := w.send(http.MethodPost, "/v1/customers", "Content-Type", "application/x-www-form-urlencoded"); a.code == 200 {
		t.Errorf("a form POST is served as a GET: %s", a.text)
	}
}

func TestOpenAPIDocumentIsServed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.get("/openapi.json")
	paths, _ := a.body["paths"].(map[string]any)
	if a.code != 200 || a.header.Get("Content-Type") != "application/json" || a.body["openapi"] != "3.1.0" || paths["/v1/customers/{id}"] == nil || paths["/v1/tickets:lookup"] == nil {
		t.Errorf("%d, %d paths", a.code, len(paths))
	}
	for path, methods := range paths { // each path is served
		path = strings.NewReplacer("{id}", string(newID(t, model.Customer)), "{name}", "crm", "{connection}", "crm",
			":watch", ":watch?resumeToken=x").Replace(path) // a feed would not end
		for method := range methods.(map[string]any) {
			if got := w.send(strings.ToUpper(method), path); got.code == 404 && got.reason() != "RECORD_NOT_FOUND" || got.code >= 500 {
				t.Errorf("%s %s: %d %s", method, path, got.code, got.text)
			}
		}
	}
}

func TestDoorsAreServed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.get("/v1/customers")
	w.get("/v1/customers/x")
	for path, want := range map[string]string{
		"/":        "/openapi.json",
		"/healthz": "ok",
		"/readyz":  "ready",
		"/metrics": `canonhub_rpc_requests_total{code="OK",method="canonhub.hub.v1.CustomerService/ListCustomers"} 1`,
	} {
		if a := w.get(path); a.code != 200 || !strings.Contains(a.text, want) {
			t.Errorf("%s: %d %s, want %s", path, a.code, a.text, want)
		}
	}
	metrics := w.get("/metrics").text
	for _, want := range []string{`code="InvalidArgument"`, `canonhub_rpc_duration_seconds_count{method="canonhub.hub.v1.CustomerService/GetCustomer"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
	if a := w.get("/favicon.ico"); a.code != 404 {
		t.Errorf("favicon: %d", a.code)
	}
	if a := w.send(http.MethodPost, "/webhooks/shop"); a.code != 200 || a.text != "shop" {
		t.Errorf("webhooks: %d %s", a.code, a.text)
	}
	if a := w.send(http.MethodPut, "/webhooks/shop"); a.code == 200 {
		t.Errorf("PUT webhooks: %d %s", a.code, a.text)
	}
}

func TestPagesOfOtherNamesAreKeptOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	port := w.rest[strings.LastIndex(w.rest, ":"):]
	for host, want := range map[string]int{
		"127.0.0.1" + port: 200, "localhost" + port: 200, "LOCALHOST": 200, "[::1]" + port: 200, "127.3.2.1": 200,
		"evil.example.com" + port: 421, "127.0.0.1.evil.example.com": 421, "localhost.evil.example.com": 421, "10.0.0.1": 421,
	} {
		if a := w.get("/v1/customers", "Host", host); a.code != want {
			t.Errorf("Host %s: %d %s, want %d", host, a.code, a.text, want)
		}
	}
	if a := w.send(http.MethodPost, "/webhooks/shop", "Host", "hooks.example.com", "Origin", "https://vendor.example.com"); a.code != 200 {
		t.Errorf("a webhook by a tunnel's name: %d %s", a.code, a.text)
	}
	for _, headers := range [][]string{{"Origin", "https://evil.example.com"}, {"Sec-Fetch-Site", "cross-site"}} {
		if a := w.send(http.MethodPost, "/v1/customers", headers...); a.code != 403 {
			t.Errorf("POST with %v: %d %s", headers, a.code, a.text)
		}
		if a := w.get("/v1/customers", headers...); a.code != 200 {
			t.Errorf("GET with %v: %d %s", headers, a.code, a.text)
		}
	}
	if a := w.send(http.MethodPost, "/v1/customers", "Origin", w.rest); a.code == 403 {
		t.Errorf("POST from our own origin: %d %s", a.code, a.text)
	}
}

func TestCorrelationIDPassesBothDoors(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var header metadata.MD
	list := func(sent ...string) string {
		t.Helper()
		ctx := metadata.AppendToOutgoingContext(t.Context(), sent...)
		_, err := w.customers.ListCustomers(ctx, &hubv1.ListCustomersRequest{}, grpc.Header(&header))
		must(t, err)
		return strings.Join(header.Get("x-correlation-id"), ",")
	}
	if got := list("x-correlation-id", "order-import/7"); got != "order-import/7" {
		t.Errorf("ours came back as %q", got)
	}
	for _, bad := range []string{"", "with space", strings.Repeat("x", 129), "{}", "-x"} {
		if got := list("x-correlation-id", bad); got == bad || len(got) != 34 {
			t.Errorf("%q came back as %q", bad, got)
		}
	}
	if got := list("x-correlation-id", "a", "x-correlation-id", "b"); len(got) != 34 {
		t.Errorf("two came back as %q", got)
	}

	for _, path := range []string{"/v1/customers", "/v1/customers/x", "/v1/nothing", "/v1/customers?x=1"} {
		a := w.get(path, "X-Correlation-Id", "import-8", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if got := a.header.Values("X-Correlation-Id"); !slices.Equal(got, []string{"import-8"}) {
			t.Errorf("REST %s: came back as %q", path, got)
		}
		if a.code != 200 && !strings.Contains(a.text, `"import-8"`) {
			t.Errorf("REST %s: the error does not tell its correlation id: %s", path, a.text)
		}
		if made := w.get(path, "X-Correlation-Id", "a b").header.Get("X-Correlation-Id"); len(made) != 34 {
			t.Errorf("REST %s: made %q", path, made)
		}
	}
	if !strings.Contains(w.log.String(), "correlation_id=import-8") {
		t.Errorf("the gRPC side does not log REST's correlation id: %s", w.log)
	}
}

func TestHealthService(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := healthpb.NewHealthClient(w.conn)
	for _, service := range []string{"", "canonhub.hub.v1.CustomerService", "canonhub.hub.v1.TicketService"} {
		got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, got, err)
		}
	}
}

func TestReflectionListsAndDescribesTheServices(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stream, err := reflectionpb.NewServerReflectionClient(w.conn).ServerReflectionInfo(t.Context())
	must(t, err)
	ask := func(request *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
		t.Helper()
		must(t, stream.Send(request))
		response, err := stream.Recv()
		must(t, err)
		return response
	}
	var names []string
	for _, s := range ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}).GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	for _, want := range []string{"CustomerService", "OrderService", "InvoiceService", "TicketService"} {
		if !slices.Contains(names, "canonhub.hub.v1."+want) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	file := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{
		FileContainingSymbol: "canonhub.hub.v1.OrderService.ListOrders"}})
	if len(file.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("%v", file)
	}
	must(t, stream.CloseSend())
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("the stream ends with %v", err)
	}
}
