package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// Caller is an internal service that may call.
type Caller struct {
	Name string
	// KeySHA256 are the hashes of its API keys.
	KeySHA256 [][sha256.Size]byte
	// MayWrite says for each kind that it may read whether it may write, too.
	MayWrite map[model.Kind]bool
}

// healthService answers anyone: whoever watches a hub has no key.
const healthService = "/grpc.health.v1.Health/"

// callers knows who may call what. Without any, everyone may: the hub is then bound to loopback.
type callers struct {
	all     []Caller
	methods map[string]access // by full method
}

// access is what a method needs.
type access struct {
	kind  model.Kind
	write bool
}

func newCallers(all []Caller) *callers {
	c := &callers{all: all, methods: map[string]access{}}
	for _, k := range kinds {
		for i := range k.file.Services().Len() {
			service := k.file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				c.methods[fmt.Sprintf("/%s/%s", service.FullName(), method.Name())] = access{k.kind, !readsOnly(method)}
			}
		}
	}
	return c
}

func readsOnly(method protoreflect.MethodDescriptor) bool {
	options, ok := method.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// authenticate lets known callers through to what they may do.
func (c *callers) authenticate(ctx context.Context, method string, next func(context.Context) error) error {
	if len(c.all) == 0 || strings.HasPrefix(method, healthService) {
		return next(ctx)
	}
	caller, err := c.find(ctx)
	if err != nil {
		return err
	}
	needs, known := c.methods[method]
	mayWrite, mayRead := caller.MayWrite[needs.kind]
	switch {
	case !known: // reflection, which shows no record
	case !mayRead:
		return notAllowed(caller, "read", needs.kind)
	case needs.write && !mayWrite:
		return notAllowed(caller, "write", needs.kind)
	}
	return next(ctx)
}

func notAllowed(caller *Caller, what string, kind model.Kind) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_NOT_ALLOWED, metadata: map[string]string{"caller": caller.Name, "kind": string(kind)},
		message: fmt.Sprintf("the caller %s may not %s %ss; callers in the configuration says who may", caller.Name, what, kind)}
}

// find tells whose key a call carries. All keys are compared, each in constant time, so that the time tells nothing.
func (c *callers) find(ctx context.Context) (*Caller, error) {
	sent := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(sent) != 1 {
		return nil, unauthenticated("the call carries no API key; send it as `authorization: Bearer KEY`")
	}
	scheme, key, _ := strings.Cut(sent[0], " ")
	if !strings.EqualFold(scheme, "bearer") {
		return nil, unauthenticated("the authorization is no bearer token; send the API key as `authorization: Bearer KEY`")
	}
	hash := sha256.Sum256([]byte(key))
	var found *Caller
	for i := range c.all {
		for _, known := range c.all[i].KeySHA256 {
			if subtle.ConstantTimeCompare(hash[:], known[:]) == 1 {
				found = &c.all[i]
			}
		}
	}
	if found == nil {
		return nil, unauthenticated("no caller has this API key")
	}
	return found, nil
}

func unauthenticated(message string) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED, message: message}
}
