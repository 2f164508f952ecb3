package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"google.golang.org/grpc/metadata"

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
	// MayOperate says that it may decide reviews, change the policy, merge and erase.
	MayOperate bool
	// MayReadRaw says that it may see sources' own objects.
	MayReadRaw bool
	// Concurrency is how many calls of it may run at a time, streams aside; 0 means 64.
	Concurrency int
}

// Reads says whether the caller may read a kind. Where no callers are configured there is none, and anyone may.
func (c *Caller) Reads(kind model.Kind) bool {
	if c == nil {
		return true
	}
	_, may := c.MayWrite[kind]
	return may
}

// may says why the caller may not do what a method needs; nil where it may.
func (c *Caller) may(needs access) error {
	switch {
	case needs.level == mayOperate && !c.MayOperate:
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_NOT_ALLOWED, metadata: map[string]string{"caller": c.Name},
			message: fmt.Sprintf("the caller %s may not operate the hub; operate: true in the configuration's callers says who may", c.Name)}
	case needs.kind == "":
		return nil
	case !c.Reads(needs.kind):
		return notAllowed(c, "read", needs.kind)
	case needs.level == mayWrite && !c.MayWrite[needs.kind]:
		return notAllowed(c, "write", needs.kind)
	}
	return nil
}

type callerKey struct{}

// callerOf is who calls; nil where no callers are configured.
func callerOf(ctx context.Context) *Caller {
	caller, _ := ctx.Value(callerKey{}).(*Caller)
	return caller
}

// healthService answers anyone: whoever watches a hub has no key.
const healthService = "/grpc.health.v1.Health/"

// callers knows who may call what. Without any, everyone may: the hub is then bound to loopback.
type callers struct {
	all     []Caller
	methods map[string]access // by full method
}

func newCallers(all []Caller) (*callers, error) {
	c := &callers{all: all, methods: map[string]access{}}
	for _, r := range services {
		service, err := r.service()
		if err != nil {
			return nil, err
		}
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			if c.methods[fmt.Sprintf("/%s/%s", service.FullName(), method.Name())], err = r.access(method); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
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
	if needs, known := c.methods[method]; known { // else reflection, which shows no record
		if err := caller.may(needs); err != nil {
			return err
		}
	}
	return next(context.WithValue(ctx, callerKey{}, caller))
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
