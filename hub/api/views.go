package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func (s *service) listViews(ctx context.Context, in interface{ GetId() string }) (proto.Message, error) {
	b, err := s.store.Bundle(ctx, store.RecordID(in.GetId()))
	if errors.Is(err, store.ErrNotFound) || err == nil && b.Record.Kind != s.kind {
		return nil, recordNotFound(in.GetId())
	}
	if err != nil {
		return nil, err
	}
	out := &hubv1.ViewsResponse{}
	views := append(slices.Clone(b.Views), b.Inherited...)
	slices.SortStableFunc(views, func(x, y *store.View) int {
		return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(x.ExternalID, y.ExternalID))
	})
	for _, v := range views {
		one, err := sideOf(b, v)
		if err != nil {
			return nil, err
		}
		if mayReadRaw(callerOf(ctx)) {
			one.Raw = v.Raw
		}
		out.Views = append(out.Views, one)
	}
	return out, nil
}

// mayReadRaw says whether sources' own objects are shown. Where no callers are configured, anyone may see all.
func mayReadRaw(c *Caller) bool { return c == nil || c.MayReadRaw }

// sideOf is one source's side of a record.
func sideOf(b *store.Bundle, v *store.View) (*hubv1.SourceView, error) {
	schema, state := model.For(b.Record.Kind), v.View.State()
	out := &hubv1.SourceView{Source: v.Source, ExternalId: v.ExternalID, Refused: map[string]string{}}
	for _, path := range slices.Sorted(maps.Keys(state.Claims)) {
		said := &hubv1.SaidAttribute{Path: string(path), Value: structpb.NewNullValue()}
		if !schema.Empty(state.Said, path) {
			said.Value = schema.JSON(state.Said, path)
		}
		if at := state.Claims[path].Time; !at.IsZero() {
			said.Time = timestamppb.New(at)
		}
		out.Said = append(out.Said, said)
	}
	held, err := objectOf(state.Held)
	if err != nil {
		return nil, err
	}
	out.Held = held
	for path, refusal := range v.View.Refused {
		out.Refused[string(path)] = refusal.Reason
	}
	for _, u := range v.View.Unusable {
		out.Unusable = append(out.Unusable, &hubv1.UnusableValue{Path: string(u.Path), Raw: u.Raw, Reason: u.Reason})
	}
	if primary := b.Primary(v.Source); primary != nil {
		out.Primary = primary.ExternalID == v.ExternalID
	}
	return out, nil
}

// objectOf is a message as REST has it.
func objectOf(m proto.Message) (*structpb.Struct, error) {
	text, err := restJSON.Marshal(m)
	if err != nil {
		return nil, err
	}
	out := &structpb.Struct{}
	return out, restJSON.Unmarshal(text, out)
}
