package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// drift is the DriftService.
type drift struct {
	hubv1.UnimplementedDriftServiceServer
	store *store.Store
}

func serveDrift(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterDriftServiceServer(to, &drift{store: o.Store})
	return nil
}

// ListDrift reads a page of the kinds that the caller may read.
func (s *drift) ListDrift(ctx context.Context, in *hubv1.ListDriftRequest) (*hubv1.ListDriftResponse, error) {
	after, err := driftPlace(in.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := cmp.Or(int(in.GetPageSize()), defaultPageSize)
	found, err := s.store.Drift(ctx, in.GetConnection(), readable(ctx, ""), after, size+1)
	if err != nil {
		return nil, err
	}
	out := &hubv1.ListDriftResponse{}
	if len(found) > size {
		found = found[:size]
		out.NextPageToken = driftToken(found[size-1].DriftKey)
	}
	for _, d := range found {
		out.Drift = append(out.Drift, &hubv1.Drift{Connection: d.Connection, Kind: string(d.Kind), Change: string(d.Change), Path: d.Path, Detail: d.Detail,
			Seen: d.Seen, FirstTime: timestamppb.New(d.FirstSeen), LastTime: timestamppb.New(d.LastSeen)})
	}
	return out, nil
}

// A token is the key of the last row. No part of a key holds a zero byte.
func driftToken(k store.DriftKey) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{k.Connection, string(k.Kind), string(k.Change), k.Path}, "\x00")))
}

func driftPlace(token string) (store.DriftKey, error) {
	if token == "" {
		return store.DriftKey{}, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.Split(strings.ToValidUTF8(string(plain), "\x00\x00\x00\x00"), "\x00")
	if err != nil || len(parts) != 4 {
		return store.DriftKey{}, &failure{reason: hubv1.ErrorReason_ERROR_REASON_INVALID_PAGE_TOKEN, field: "page_token",
			message: "this list did not make the page token; begin at the first page"}
	}
	return store.DriftKey{Connection: parts[0], Kind: model.Kind(parts[1]), Change: store.DriftChange(parts[2]), Path: parts[3]}, nil
}
