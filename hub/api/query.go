package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// parameters are the query parameters that each route has, by the route's method and pattern. The gateway ignores those that it
// does not know: `?pagesize=10` would be answered as if it had not been written.
type parameters map[string]map[string]bool

// routes reads from the services' descriptors the parameters of each route, and which routes answer by a stream.
func routes() (known parameters, streams map[string]bool, err error) {
	known, streams = parameters{}, map[string]bool{}
	for _, r := range services {
		methods := r.file.Services().Get(0).Methods()
		for i := range methods.Len() {
			method := methods.Get(i)
			rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
			if !ok || len(rule.GetAdditionalBindings()) > 0 {
				return nil, nil, fmt.Errorf("api: %s has no route, or several", method.FullName())
			}
			verb, path := routed(rule)
			switch rule.GetBody() {
			case "":
				known[routeOf(verb, path)] = names(method.Input(), path)
			case "*": // all that is not in the path is in the body
			default:
				return nil, nil, fmt.Errorf("api: a part of %s is the body of %s; teach routes its parameters", method.Input().FullName(), method.FullName())
			}
			streams[routeOf(verb, path)] = method.IsStreamingServer()
		}
	}
	return known, streams, nil
}

// routed is the method and the path of a route.
func routed(rule *annotations.HttpRule) (verb, path string) {
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, pattern.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, pattern.Post
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, pattern.Patch
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, pattern.Delete
	}
	return "", ""
}

// routeOf is a route as the gateway names it.
func routeOf(verb, path string) string { return verb + " " + strings.ReplaceAll(path, "}", "=*}") }

// names are the fields, in both spellings, that are not in the path; those of a message below with its name before theirs.
func names(request protoreflect.MessageDescriptor, path string) map[string]bool {
	found := map[string]bool{}
	for i := range request.Fields().Len() {
		field := request.Fields().Get(i)
		if strings.Contains(path, "{"+string(field.Name())+"}") {
			continue
		}
		found[string(field.Name())], found[field.JSONName()] = true, true
		below := field.Message()
		if below == nil || field.IsList() || strings.HasPrefix(string(below.FullName()), "google.protobuf.") {
			continue
		}
		for name := range names(below, "") {
			found[string(field.Name())+"."+name], found[field.JSONName()+"."+name] = true, true
		}
	}
	return found
}

// strict refuses requests whose parameters are not the route's.
func (g *gateway) strict(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, path map[string]string) {
		if f := g.known.check(r, path); f != nil {
			runtime.HTTPError(r.Context(), g.mux, restJSON, w, r, f.status(codes.InvalidArgument, correlationOf(r.Context())).Err())
			return
		}
		next(w, r, path)
	}
}

// check refuses parameters that the route does not have, and text that is no UTF-8, which proto cannot carry.
func (p parameters) check(r *http.Request, path map[string]string) *failure {
	for name, value := range path {
		if !utf8.ValidString(value) {
			return invalidField(name, "the path must be UTF-8")
		}
	}
	sent, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalidField("", "the query cannot be read: "+err.Error())
	}
	pattern, _ := runtime.HTTPPattern(r.Context())
	for name, values := range sent {
		if !p[r.Method+" "+pattern.String()][name] {
			return invalidField(name, fmt.Sprintf("there is no parameter %q here", name))
		}
		for _, value := range values {
			if !utf8.ValidString(value) {
				return invalidField(name, "the value must be UTF-8")
			}
		}
	}
	return nil
}

func invalidField(field, message string) *failure {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST, field: field, message: message}
}
