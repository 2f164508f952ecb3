package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// retries is the RetryService.
type retries struct {
	hubv1.UnimplementedRetryServiceServer
	store       *store.Store
	connections []string
}

func serveRetries(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterRetryServiceServer(to, &retries{store: o.Store, connections: o.Connections})
	return nil
}

// retriesToken is where a page ended: in which of a connection's lists, and where in it.
type retriesToken struct {
	Connection string           `json:"c"`
	List       int              `json:"l"`
	After      store.RetryPlace `json:"a"`
}

func (t retriesToken) encode() string {
	text, _ := json.Marshal(t) // of texts, numbers and times of the database: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func retriesFrom(in *hubv1.ListRetriesRequest, lists int) (retriesToken, error) {
	if in.GetPageToken() == "" {
		return retriesToken{Connection: in.GetConnection()}, nil
	}
	var t retriesToken
	plain, err := base64.RawURLEncoding.DecodeString(in.GetPageToken())
	if err != nil || json.Unmarshal(plain, &t) != nil || t.Connection != in.GetConnection() || t.List < 0 || t.List >= lists {
		return t, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
			message: "this list did not make the page token, or its connection is another one; begin at the first page"}
	}
	return t, nil
}

// ListRetries reads a page.
func (s *retries) ListRetries(ctx context.Context, in *hubv1.ListRetriesRequest) (*hubv1.ListRetriesResponse, error) {
	if !slices.Contains(s.connections, in.GetConnection()) {
		return nil, connectionNotFound(in.GetConnection())
	}
	queues, states := jobs.Queues(in.GetConnection()), []store.RetryState{store.Failed, store.Waits}
	lists := len(queues) * len(states)
	place, err := retriesFrom(in, lists)
	if err != nil {
		return nil, err
	}
	kinds := readable(ctx, "")
	out := &hubv1.ListRetriesResponse{}
	for left := cmp.Or(int(in.GetPageSize()), defaultPageSize); place.List < lists; place.List, place.After = place.List+1, (store.RetryPlace{}) {
		found, err := s.store.Retries(ctx, queues[place.List%len(queues)], states[place.List/len(queues)], place.After, left)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			place.After = r.RetryPlace
			if r.RecordID == "" || slices.ContainsFunc(kinds, func(kind model.Kind) bool { return r.RecordID.Is(kind) }) {
				out.Retries = append(out.Retries, retryOf(r))
			}
		}
		if left -= len(found); left == 0 {
			out.NextPageToken = place.encode()
			break
		}
	}
	return out, nil
}

func retryOf(r store.Retry) *hubv1.Retry {
	out := &hubv1.Retry{ReceiptId: r.ReceiptID, RecordId: string(r.RecordID), Attempts: int32(r.Attempts), MaxAttempts: int32(r.MaxAttempts),
		NextAttemptTime: timestamppb.New(r.Next), Reason: r.Reason, CreateTime: timestamppb.New(r.Since)}
	if !r.Last.IsZero() {
		out.LastAttemptTime = timestamppb.New(r.Last)
	}
	return out
}
