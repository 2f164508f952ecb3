package canonhub_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

const (
	ada   = "customer_01h455vb4pex5vsknk084sn02q"
	grace = "customer_01h455vb4pex5vsknk084sn02r"
	alan  = "customer_01h455vb4pex5vsknk084sn02s"
)

// fakeHub serves three customers, two on a page, over gRPC on loopback.
type fakeHub struct {
	hubv1.UnimplementedCustomerServiceServer
	// Before runs before every call; its error is the answer.
	Before func(ctx context.Context, call int) error
	Addr   string

	calls  atomic.Int32
	server *grpc.Server

	mu         sync.Mutex
	requestIDs []string
}

// startHub starts a fake hub; stop it with Close.
func startHub(before func(ctx context.Context, call int) error, opts ...grpc.ServerOption) *fakeHub {
	h := &fakeHub{Before: before, server: grpc.NewServer(opts...)}
	hubv1.RegisterCustomerServiceServer(h.server, h)
	hubv1.RegisterReviewServiceServer(h.server, fakeReviews{})
	hubv1.RegisterChangeServiceServer(h.server, &fakeChanges{hub: h})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	h.Addr = listener.Addr().String()
	go func() { _ = h.server.Serve(listener) }()
	return h
}

// Close stops the hub.
func (h *fakeHub) Close() { h.server.Stop() }

// Calls is how many calls came in.
func (h *fakeHub) Calls() int { return int(h.calls.Load()) }

func (h *fakeHub) before(ctx context.Context) error {
	call := int(h.calls.Add(1))
	if h.Before == nil {
		return nil
	}
	return h.Before(ctx, call)
}

var people = []*hubv1.CustomerRecord{
	{Id: ada, Revision: 3, Customer: &canonicalv1.Customer{Email: proto.String("ada@example.com")}},
	{Id: grace, Revision: 1, Customer: &canonicalv1.Customer{Email: proto.String("grace@example.com")}},
	{Id: alan, Revision: 7, Customer: &canonicalv1.Customer{Email: proto.String("alan@example.com")}},
}

func (h *fakeHub) GetCustomer(ctx context.Context, in *hubv1.GetCustomerRequest) (*hubv1.CustomerRecord, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	for _, r := range people {
		if r.GetId() == in.GetId() {
			return r, nil
		}
	}
	return nil, hubError(ctx, codes.NotFound, "no record has this id",
		&errdetails.ErrorInfo{Reason: "RECORD_NOT_FOUND", Domain: "canonhub", Metadata: map[string]string{"id": in.GetId()}})
}

func (h *fakeHub) ListCustomers(ctx context.Context, in *hubv1.ListCustomersRequest) (*hubv1.ListCustomersResponse, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	from, _ := strconv.Atoi(in.GetPageToken())
	to := min(from+2, len(people))
	page := &hubv1.ListCustomersResponse{Customers: people[from:to]}
	if to < len(people) {
		page.NextPageToken = strconv.Itoa(to)
	}
	return page, nil
}

func (h *fakeHub) LookupCustomer(ctx context.Context, in *hubv1.LookupCustomerRequest) (*hubv1.CustomerRecord, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	if in.GetConnection() == "stripe-eu" && in.GetExternalId() == "cus_1" {
		return people[0], nil
	}
	return nil, hubError(ctx, codes.NotFound, "no record is linked", &errdetails.ErrorInfo{Reason: "LINK_NOT_FOUND", Domain: "canonhub"})
}

func (h *fakeHub) ExplainCustomer(ctx context.Context, in *hubv1.ExplainCustomerRequest) (*hubv1.Explanation, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	return &hubv1.Explanation{Id: in.GetId(), Attributes: []*hubv1.AttributeExplanation{{
		Path: "email", Rule: &hubv1.DecidingRule{Path: "email", Mode: "authority"}, Winner: &hubv1.Claim{Source: "crm"}}}}, nil
}

// RequestIDs are those of the writes that came in.
func (h *fakeHub) RequestIDs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requestIDs)
}

func (h *fakeHub) write(ctx context.Context, requestID string) error {
	h.mu.Lock()
	h.requestIDs = append(h.requestIDs, requestID)
	h.mu.Unlock()
	return h.before(ctx)
}

func (h *fakeHub) CreateCustomer(ctx context.Context, in *hubv1.CreateCustomerRequest) (*hubv1.WriteCustomerResponse, error) {
	if err := h.write(ctx, in.GetRequestId()); err != nil {
		return nil, err
	}
	return &hubv1.WriteCustomerResponse{Record: &hubv1.CustomerRecord{Id: ada, Revision: 1, Customer: in.GetCustomer()}, Revision: 1}, nil
}

// UpdateCustomer takes names, and leaves e-mail addresses to the crm.
func (h *fakeHub) UpdateCustomer(ctx context.Context, in *hubv1.UpdateCustomerRequest) (*hubv1.WriteCustomerResponse, error) {
	if err := h.write(ctx, in.GetRequestId()); err != nil {
		return nil, err
	}
	out := &hubv1.WriteCustomerResponse{Record: people[0], Revision: 4}
	if in.GetCustomer().Name != nil {
		out.Outcomes = append(out.Outcomes, &hubv1.WriteOutcome{Path: "name", Result: hubv1.WriteResult_WRITE_RESULT_ACCEPTED})
	}
	if in.GetCustomer().Email != nil {
		if in.GetStrict() {
			return nil, hubError(ctx, codes.FailedPrecondition, "email would be refused, and the write is strict: nothing was written",
				&errdetails.ErrorInfo{Reason: "WRITE_REFUSED", Domain: "canonhub"},
				&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "REFUSED", Subject: "email", Description: "not_authority, the value is crm's"}}})
		}
		out.Outcomes = append(out.Outcomes, &hubv1.WriteOutcome{Path: "email", Result: hubv1.WriteResult_WRITE_RESULT_REFUSED, Reason: "not_authority", Winner: "crm"})
	}
	return out, nil
}

func (h *fakeHub) BatchUpdateCustomers(ctx context.Context, in *hubv1.BatchUpdateCustomersRequest) (*hubv1.BatchUpdateCustomersResponse, error) {
	out := &hubv1.BatchUpdateCustomersResponse{}
	for _, one := range in.GetRequests() {
		result := &hubv1.BatchUpdateCustomersResult{}
		if written, err := h.UpdateCustomer(ctx, one); err != nil {
			result.Result = &hubv1.BatchUpdateCustomersResult_Error{Error: status.Convert(err).Proto()}
		} else {
			result.Result = &hubv1.BatchUpdateCustomersResult_Written{Written: written}
		}
		out.Results = append(out.Results, result)
	}
	return out, nil
}

func (h *fakeHub) MergeCustomers(ctx context.Context, in *hubv1.MergeCustomersRequest) (*hubv1.CustomerRecord, error) {
	return &hubv1.CustomerRecord{Id: min(in.GetIds()[0], in.GetIds()[1])}, h.before(ctx)
}

func (h *fakeHub) UnmergeCustomer(ctx context.Context, in *hubv1.UnmergeCustomerRequest) (*hubv1.CustomerRecord, error) {
	return &hubv1.CustomerRecord{Id: in.GetId()}, h.before(ctx)
}

// fakeReviews has one review, of a phone number.
type fakeReviews struct {
	hubv1.UnimplementedReviewServiceServer
}

func (fakeReviews) ListReviews(context.Context, *hubv1.ListReviewsRequest) (*hubv1.ListReviewsResponse, error) {
	return &hubv1.ListReviewsResponse{Reviews: []*hubv1.Review{{Id: 7, Reason: hubv1.ReviewReason_REVIEW_REASON_HELD, RecordIds: []string{ada}, Path: "phone"}}}, nil
}

func (fakeReviews) ResolveReview(_ context.Context, in *hubv1.ResolveReviewRequest) (*hubv1.Review, error) {
	return &hubv1.Review{Id: in.GetId(), Resolution: hubv1.ReviewResolution_REVIEW_RESOLUTION_RESOLVED, Why: in.GetWhy()}, nil
}

// hubError is an error as a hub sends it: with the call's correlation id.
func hubError(ctx context.Context, code codes.Code, message string, details ...protoadapt.MessageV1) error {
	id := "made-by-hub"
	if sent := metadata.ValueFromIncomingContext(ctx, "x-correlation-id"); len(sent) > 0 {
		id = sent[0]
	}
	st, err := status.New(code, message).WithDetails(append(details, &errdetails.RequestInfo{RequestId: id})...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

// fakeChanges has a feed of two records in a snapshot and one change, which breaks off after each second message.
type fakeChanges struct {
	hubv1.UnimplementedChangeServiceServer
	hub *fakeHub
}

func (f *fakeChanges) Watch(in *hubv1.WatchRequest, out hubv1.ChangeService_WatchServer) error {
	if err := f.hub.before(out.Context()); err != nil {
		return err
	}
	told := func(r *hubv1.CustomerRecord) *hubv1.Change {
		return &hubv1.Change{Kind: "customer", Id: r.GetId(), Revision: r.GetRevision(), Source: "crm", Paths: []string{"email"}, Record: &hubv1.Change_Customer{Customer: r}}
	}
	feed := []*hubv1.WatchResponse{
		{Event: &hubv1.WatchResponse_Snapshot{Snapshot: told(people[0])}},
		{Event: &hubv1.WatchResponse_Snapshot{Snapshot: told(people[1])}},
		{Event: &hubv1.WatchResponse_SnapshotEnd{SnapshotEnd: &hubv1.SnapshotEnd{Records: 2}}},
		{Event: &hubv1.WatchResponse_Change{Change: told(people[2])}},
	}
	from, _ := strconv.Atoi(in.GetResumeToken())
	for at := from; at < min(from+2, len(feed)); at++ {
		feed[at].Token = strconv.Itoa(at + 1)
		if err := out.Send(feed[at]); err != nil {
			return err
		}
	}
	return hubError(out.Context(), codes.Unavailable, "this hub process ends", &errdetails.ErrorInfo{Reason: "SHUTTING_DOWN", Domain: "canonhub"})
}

func (h *fakeHub) ListCustomerRevisions(ctx context.Context, in *hubv1.ListCustomerRevisionsRequest) (*hubv1.ListCustomerRevisionsResponse, error) {
	if err := h.before(ctx); err != nil {
		return nil, err
	}
	revision := func(n int64, source, email string) *hubv1.CustomerRevision {
		return &hubv1.CustomerRevision{Revision: n, Source: source, Paths: []string{"email"},
			Record: &hubv1.CustomerRecord{Id: in.GetId(), Revision: n, Customer: &canonicalv1.Customer{Email: proto.String(email)}}}
	}
	if in.GetPageToken() == "" {
		return &hubv1.ListCustomerRevisionsResponse{Revisions: []*hubv1.CustomerRevision{revision(3, "crm", "ada@example.com")}, NextPageToken: "2"}, nil
	}
	return &hubv1.ListCustomerRevisionsResponse{Revisions: []*hubv1.CustomerRevision{revision(2, "stripe-eu", "ada@example.org")}}, nil
}
