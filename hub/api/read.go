package api

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/store"
)

// reader is what the services of all kinds read from.
type reader struct {
	store       *store.Store
	applier     *apply.Applier
	connections map[string]bool
	// sources are connections and callers.
	sources map[string]bool
	asking  *asking
}

func newReader(o Options) *reader {
	r := &reader{store: o.Store, applier: o.Applier, asking: &asking{refresher: o.Refresher}, connections: map[string]bool{}, sources: map[string]bool{}}
	for _, name := range o.Connections {
		r.connections[name], r.sources[name] = true, true
	}
	for _, caller := range o.Callers {
		r.sources[caller.Name] = true
	}
	return r
}

func (s *service) batchGet(ctx context.Context, in interface{ GetIds() []string }) (proto.Message, error) {
	ids := make([]store.RecordID, len(in.GetIds()))
	for i, id := range in.GetIds() {
		ids[i] = store.RecordID(id)
	}
	found, err := s.store.Records(ctx, ids)
	if err != nil {
		return nil, err
	}
	var (
		records []proto.Message
		missing []string
	)
	for _, id := range ids {
		if r := found[id]; r != nil && r.Kind == s.kind {
			records = append(records, s.record.of(r))
			continue
		}
		missing = append(missing, string(id))
	}
	return s.batch.batch(records, missing), nil
}

func (s *service) lookup(ctx context.Context, in interface {
	GetConnection() string
	GetExternalId() string
}) (proto.Message, error) {
	connection, external := in.GetConnection(), in.GetExternalId()
	if !s.connections[connection] {
		return nil, connectionNotFound(connection)
	}
	if strings.ContainsRune(external, 0) {
		return nil, linkNotFound(connection, external) // the database takes no text with a zero byte, so nothing has such an id
	}
	r, err := s.store.Lookup(ctx, connection, s.kind, external)
	if errors.Is(err, store.ErrNotFound) {
		return nil, linkNotFound(connection, external)
	}
	if err != nil {
		return nil, err
	}
	return s.record.of(r), nil
}

func recordNotFound(id string) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_RECORD_NOT_FOUND, message: "no record has this id",
		metadata: map[string]string{"id": id}}
}

func connectionNotFound(connection string) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_CONNECTION_NOT_FOUND, message: "no connection has this name",
		metadata: map[string]string{"connection": connection}}
}

func linkNotFound(connection, external string) error {
	return &failure{reason: hubv1.ErrorReason_ERROR_REASON_LINK_NOT_FOUND,
		message:  "no record is linked to this external id at this connection",
		metadata: map[string]string{"connection": connection, "external_id": external}}
}
