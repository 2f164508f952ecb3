package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// PolicyOptions are what the policy's service knows of the hub.
type PolicyOptions struct {
	// Judge tells what is wrong with a policy in this hub: sources that it has not, targets that cannot write. nil: a
	// policy that compiles will do.
	Judge func(policies map[string]*configv1.KindPolicy, phases map[string]string) []policy.Problem
	// Refold sees to it that all records are folded by a version. nil: the sweeper does.
	Refold func(ctx context.Context, version int64) error
}

// policyService serves the versions of the policy.
type policyService struct {
	hubv1.UnimplementedPolicyServiceServer
	o Options
}

func servePolicy(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterPolicyServiceServer(to, &policyService{o: o})
	return nil
}

// GetPolicy reads a version.
func (s *policyService) GetPolicy(ctx context.Context, in *hubv1.GetPolicyRequest) (*hubv1.Policy, error) {
	active, err := s.o.Store.ActivePolicy(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, policyNotFound(in.GetVersion())
	}
	if err != nil {
		return nil, err
	}
	p := active
	if in.GetVersion() != 0 {
		if p, err = s.version(ctx, in.GetVersion()); err != nil {
			return nil, err
		}
	}
	out := &hubv1.Policy{Version: policyVersion(p, active.Version), Content: &hubv1.PolicyContent{Policies: p.Config, Phases: p.Phases}, Lines: map[string]int32{}}
	for place, line := range p.Lines {
		out.Lines[place] = int32(line)
	}
	return out, nil
}

// ListPolicyVersions reads a page of versions.
func (s *policyService) ListPolicyVersions(ctx context.Context, in *hubv1.ListPolicyVersionsRequest) (*hubv1.ListPolicyVersionsResponse, error) {
	before, ok := decodeVersionToken(in.GetPageToken())
	if !ok {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
			message: "this list did not make the page token; begin at the first page"}
	}
	size := int(in.GetPageSize())
	if size == 0 {
		size = defaultPageSize
	}
	found, err := s.o.Store.PolicyVersions(ctx, before, size+1) // one more tells whether there is a next page
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListPolicyVersionsResponse{}
	if len(found) > size {
		found = found[:size]
		out.NextPageToken = versionToken(found[size-1].Version)
	}
	for i, p := range found {
		active := int64(0)
		if before == 0 && i == 0 {
			active = p.Version
		}
		out.Versions = append(out.Versions, policyVersion(p, active))
	}
	return out, nil
}

// ActivatePolicy makes a policy the active one.
func (s *policyService) ActivatePolicy(ctx context.Context, in *hubv1.ActivatePolicyRequest) (*hubv1.PolicyVersion, error) {
	p, err := s.wanted(ctx, in)
	if err != nil {
		return nil, err
	}
	p.ActivatedBy, p.Comment = operatorName(ctx), in.GetComment()
	activated, err := plan.Activate(ctx, s.o.Store, p, in.GetPlanDigest())
	if errors.Is(err, plan.ErrOutdated) {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_PLAN_OUTDATED, message: plan.ErrOutdated.Error()}
	}
	if err != nil {
		return nil, err
	}
	if err := s.o.Applier.Reload(ctx); err != nil {
		return nil, err
	}
	if refold := s.o.Policy.Refold; refold != nil {
		if err := refold(ctx, activated.Version); err != nil {
			s.o.Log.Warn("no job folds the records by the new policy yet; the sweeper will see to it", "version", activated.Version, "error", err)
		}
	}
	if activated, err = s.version(ctx, activated.Version); err != nil { // as it was stored: it may have been active already
		return nil, err
	}
	return policyVersion(activated, activated.Version), nil
}

// wanted is the policy that a request names or brings, if it suits this hub.
func (s *policyService) wanted(ctx context.Context, in interface {
	GetContent() *hubv1.PolicyContent
	GetVersion() int64
}) (*store.Policy, error) {
	p, field := &store.Policy{Config: in.GetContent().GetPolicies(), Phases: in.GetContent().GetPhases()}, "content"
	if in.GetContent() == nil {
		var err error
		if p, err = s.version(ctx, in.GetVersion()); err != nil {
			return nil, err
		}
		field = "version"
	}
	problems := s.judge(p)
	if len(problems) == 0 {
		return p, nil
	}
	f := &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST}
	for _, problem := range problems[:min(len(problems), maxViolations)] {
		f.violations = append(f.violations, &errdetails.BadRequest_FieldViolation{
			Field: field + "." + strings.Join(problem.At, "."), Reason: "policy", Description: problem.Message})
	}
	f.message = f.violations[0].GetField() + ": " + f.violations[0].GetDescription()
	return nil, f
}

func (s *policyService) judge(p *store.Policy) []policy.Problem {
	if s.o.Policy.Judge != nil {
		return s.o.Policy.Judge(p.Config, p.Phases)
	}
	_, problems := policy.Compile(p.Config, nil)
	return problems
}

func (s *policyService) version(ctx context.Context, version int64) (*store.Policy, error) {
	p, err := s.o.Store.PolicyVersion(ctx, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, policyNotFound(version)
	}
	return p, err
}

func policyNotFound(version int64) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_POLICY_NOT_FOUND, message: "no version of the policy has this number",
		metadata: map[string]string{"version": strconv.FormatInt(version, 10)}}
}

// operatorName is who activates, for the version: the caller. Without callers it is somebody on this machine.
func operatorName(ctx context.Context) string {
	if caller := callerOf(ctx); caller != nil {
		return caller.Name
	}
	return "operator"
}

func policyVersion(p *store.Policy, active int64) *hubv1.PolicyVersion {
	return &hubv1.PolicyVersion{Version: p.Version, Active: p.Version == active, ActivateTime: timestamppb.New(p.ActivatedAt), ActivatedBy: p.ActivatedBy,
		Comment: p.Comment, RepeatsVersion: p.Repeats, Digest: p.Digest, File: p.File}
}

// versionToken is opaque so that nobody builds on its form.
func versionToken(version int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "policy/%d", version))
}

// decodeVersionToken is the version that the previous page ended with; 0 for the first page.
func decodeVersionToken(token string) (version int64, ok bool) {
	if token == "" {
		return 0, true
	}
	plain, err := base64.RawURLEncoding.Strict().DecodeString(token)
	number, found := strings.CutPrefix(string(plain), "policy/")
	if err != nil || !found {
		return 0, false
	}
	version, err = strconv.ParseInt(number, 10, 64)
	return version, err == nil && version > 0
}
