package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// pulls is the PullService.
type pulls struct {
	hubv1.UnimplementedPullServiceServer
	store   *store.Store
	applier *apply.Applier
}

func servePulls(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterPullServiceServer(to, &pulls{store: o.Store, applier: o.Applier})
	return nil
}

// ListPulls reads all pulls that the caller may see.
func (s *pulls) ListPulls(ctx context.Context, in *hubv1.ListPullsRequest) (*hubv1.ListPullsResponse, error) {
	all, err := s.store.Pulls(ctx)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListPullsResponse{}
	for _, p := range all {
		if callerOf(ctx).Reads(p.Kind) && (in.GetConnection() == "" || in.GetConnection() == p.Connection) {
			out.Pulls = append(out.Pulls, s.pullOf(p))
		}
	}
	return out, nil
}

// GetPull reads one.
func (s *pulls) GetPull(ctx context.Context, in *hubv1.GetPullRequest) (*hubv1.Pull, error) {
	lane, err := s.lane(ctx, in.GetConnection(), in.GetKind())
	if err != nil {
		return nil, err
	}
	p, err := s.store.Pull(ctx, lane)
	if errors.Is(err, store.ErrNotFound) {
		p, err = &store.Pull{Lane: lane}, nil // it can be pulled, and never was
	}
	if err != nil {
		return nil, err
	}
	return s.pullOf(p), nil
}

// lane is what can be pulled and the caller may read.
func (s *pulls) lane(ctx context.Context, connection, kind string) (store.Lane, error) {
	lane := store.Lane{Connection: connection, Kind: model.Kind(kind)}
	c := s.applier.Connections[connection]
	switch {
	case c == nil:
		return lane, connectionNotFound(connection)
	case model.For(lane.Kind) == nil || !callerOf(ctx).Reads(lane.Kind):
		return lane, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST, field: "kind",
			message: fmt.Sprintf("no such kind that you may read; the kinds are %s", model.Kinds())}
	case c.Adapter.Puller == nil || c.Carries[lane.Kind].Pull.MaxPage == 0:
		return lane, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST, field: "kind",
			message: fmt.Sprintf("%ss cannot be pulled from %s: its adapter, %s, has no way to", kind, connection, c.AdapterName)}
	}
	return lane, nil
}

var pullModes = map[store.PullMode]hubv1.PullMode{
	store.Backfill:  hubv1.PullMode_PULL_MODE_BACKFILL,
	store.Changes:   hubv1.PullMode_PULL_MODE_CHANGES,
	store.Reconcile: hubv1.PullMode_PULL_MODE_RECONCILE,
}

// StartPull asks for a run.
func (s *pulls) StartPull(ctx context.Context, in *hubv1.StartPullRequest) (*hubv1.Pull, error) {
	lane, err := s.lane(ctx, in.GetConnection(), in.GetKind())
	if err != nil {
		return nil, err
	}
	wish := store.PullWish{ReportOnly: in.GetReportOnly(), By: actorOf(ctx), Why: in.GetWhy()}
	for mode, asked := range pullModes {
		if asked == in.GetMode() {
			wish.Mode = mode
		}
	}
	if wish.ReportOnly && wish.Mode != store.Reconcile {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST, field: "report_only",
			message: "a reconcile alone can report and change nothing; ask for mode PULL_MODE_RECONCILE"}
	}
	if wish.Mode == store.Reconcile && s.applier.Connections[lane.Connection].Carries[lane.Kind].Pull.Once {
		return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_REQUEST, field: "mode",
			message: fmt.Sprintf("%s hands each thing over once, and there is nothing to compare with; ask for mode PULL_MODE_BACKFILL to read all again", lane.Connection)}
	}
	if err := s.store.InTx(ctx, func(tx *store.Tx) error { tx.WishPull(lane, wish); return nil }); err != nil {
		return nil, err
	}
	return s.GetPull(ctx, &hubv1.GetPullRequest{Connection: in.GetConnection(), Kind: in.GetKind()})
}

func (s *pulls) pullOf(p *store.Pull) *hubv1.Pull {
	out := &hubv1.Pull{Connection: p.Connection, Kind: string(p.Kind), Wanted: pullModes[p.Wanted.Mode], BackfillTime: timeOrNil(p.BackfilledAt),
		PullTime: timeOrNil(p.PulledAt), ReconcileTime: timeOrNil(p.ReconciledAt), Watermark: timeOrNil(p.Watermark), NextTime: timeOrNil(p.NextAt),
		Failures: int32(p.Failures), Failure: p.Failure, FailureTime: timeOrNil(p.FailedAt)}
	if r := p.Run; r.ID != "" {
		out.Run = &hubv1.PullRun{Mode: pullModes[cmp.Or(r.Mode, r.Last)], Running: r.Mode != "", CorrelationId: r.ID, StartTime: timeOrNil(r.StartedAt),
			PageTime: timeOrNil(r.PagedAt), Objects: r.Objects, Total: r.Total, Changed: r.Changed, MissingHere: r.MissingHere,
			MissingThere: r.MissingThere, Differing: r.Differing, Rejected: r.Rejected, ReportOnly: r.ReportOnly, AskedBy: r.By, Why: r.Why}
		progress(out.Run, r)
	}
	return out
}

// progress is how fast a run goes, and how long it still takes.
func progress(out *hubv1.PullRun, r store.PullRun) {
	took := r.PagedAt.Sub(r.StartedAt).Seconds()
	if took <= 0 || r.Objects == 0 {
		return
	}
	out.Rate = float64(r.Objects) / took
	if r.Mode != "" && r.Total > r.Objects {
		out.TimeLeft = durationpb.New(time.Duration(float64(r.Total-r.Objects) / out.Rate * float64(time.Second)).Round(time.Second))
	}
}

func timeOrNil(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// ListPullFindings reads a page of what the last reconcile found.
func (s *pulls) ListPullFindings(ctx context.Context, in *hubv1.ListPullFindingsRequest) (*hubv1.ListPullFindingsResponse, error) {
	lane, err := s.lane(ctx, in.GetConnection(), in.GetKind())
	if err != nil {
		return nil, err
	}
	after := int64(0)
	if in.GetPageToken() != "" {
		if after, err = strconv.ParseInt(in.GetPageToken(), 36, 64); err != nil {
			return nil, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
				message: "this list did not make the page token; begin at the first page"}
		}
	}
	size := cmp.Or(int(in.GetPageSize()), defaultPageSize)
	found, err := s.store.Findings(ctx, lane, after, size+1)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListPullFindingsResponse{}
	if len(found) > size {
		found = found[:size]
		out.NextPageToken = strconv.FormatInt(found[size-1].ID, 36)
	}
	for _, f := range found {
		finding := &hubv1.PullFinding{ExternalId: f.ExternalID, Finding: f.What, RecordId: string(f.RecordID), Repaired: f.Repaired, FindTime: timestamppb.New(f.FoundAt)}
		for _, path := range f.Paths {
			finding.Paths = append(finding.Paths, string(path))
		}
		out.Findings = append(out.Findings, finding)
	}
	return out, nil
}
