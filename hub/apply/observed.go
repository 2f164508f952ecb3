package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// keep makes a receipt of a pulled observation that cannot be taken in at once. Its id follows from what was observed, so
// that the same observation of the next pull is not kept twice.
func keep(in *Input) (*store.Receipt, error) {
	body, err := encodeObserved(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(in.Source+"\x00"), body...))
	id := hex.EncodeToString(sum[:16])
	return &store.Receipt{ID: "r_" + id, Connection: in.Source, Origin: store.OriginPull, EventKey: "pulled-" + id, Type: "pulled " + string(in.Observation.Kind),
		OccurredAt: in.Observation.At, Body: body, CorrelationID: in.CorrelationID, TraceParent: in.TraceParent}, nil
}

func encodeObserved(in *Input) ([]byte, error) {
	o := in.Observation
	kept := &storev1.Observed{Kind: string(o.Kind), ExternalId: string(o.ExternalID), Paths: o.Paths, Partial: o.Paths != nil, Version: o.Version,
		Gone: o.Gone, Erase: o.Erase, MergedInto: string(o.MergedInto), RecordId: o.RecordID, Raw: o.Raw, Unknown: o.Unknown,
		MappingVersion: in.MappingVersion}
	if !o.At.IsZero() {
		kept.At = timestamppb.New(o.At)
	}
	for _, u := range o.Unusable {
		kept.Unusable = append(kept.Unusable, &storev1.Unusable{Path: u.Path, Raw: u.Raw, Reason: u.Reason})
	}
	if o.Message != nil {
		message, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(o.Message)
		if err != nil {
			return nil, fmt.Errorf("keep a %s that was pulled: %w", o.Kind, err)
		}
		kept.Message = message
		if message == nil {
			kept.Message = []byte{}
		}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(kept)
}

// Observed reads a receipt that a pull kept: the observation, and the version of the mapping that read it.
func Observed(r *store.Receipt) (adapters.Observation, int32, error) {
	kept := &storev1.Observed{}
	if err := proto.Unmarshal(r.Body, kept); err != nil {
		return adapters.Observation{}, 0, fmt.Errorf("receipt %s: %w", r.ID, err)
	}
	o := adapters.Observation{Object: adapters.Object{Kind: adapters.Kind(kept.GetKind()), ExternalID: adapters.ExternalID(kept.GetExternalId())},
		Version: kept.GetVersion(), Gone: kept.GetGone(), Erase: kept.GetErase(), MergedInto: adapters.ExternalID(kept.GetMergedInto()),
		RecordID: kept.GetRecordId(), Raw: kept.GetRaw(), Unknown: kept.GetUnknown()}
	if kept.GetAt() != nil {
		o.At = kept.GetAt().AsTime()
	}
	if kept.GetPartial() {
		o.Paths = append([]string{}, kept.GetPaths()...)
	}
	for _, u := range kept.GetUnusable() {
		o.Unusable = append(o.Unusable, adapters.Unusable{Path: u.GetPath(), Raw: u.GetRaw(), Reason: u.GetReason()})
	}
	if kept.Message == nil {
		return o, kept.GetMappingVersion(), nil
	}
	schema := model.For(model.Kind(kept.GetKind()))
	if schema == nil {
		return o, 0, errors.New("receipt " + r.ID + ": no kind " + kept.GetKind())
	}
	o.Message = schema.New()
	if err := proto.Unmarshal(kept.GetMessage(), o.Message); err != nil {
		return o, 0, fmt.Errorf("receipt %s: %w", r.ID, err)
	}
	return o, kept.GetMappingVersion(), nil
}

// reject makes a dead receipt of what could not be read.
func reject(cause Cause, part Part) *store.Receipt {
	sum := sha256.Sum256([]byte(part.Origin + "\x00" + part.Where + "\x00" + string(part.Raw)))
	id := hex.EncodeToString(sum[:16])
	return &store.Receipt{ID: "r_" + id, Connection: cause.Source, Origin: store.OriginPart, EventKey: "part-" + id, Type: part.Type,
		OccurredAt: time.Time{}, Body: part.Raw, CorrelationID: cause.CorrelationID, TraceParent: cause.TraceParent}
}

// Part is something among others that an adapter could not read.
type Part struct {
	adapters.Rejected
	// Origin tells apart what it was part of: a receipt's id, or a pull's cursor.
	Origin string
	// Type of the event that it was part of.
	Type string
}

// Reject makes a dead letter of each part, unless there is one.
func Reject(tx Tx, cause Cause, parts []Part) {
	for _, part := range parts {
		receipt := reject(cause, part)
		tx.KeepReceipt(receipt, store.Kept{State: "dead", Outcome: "permanent", Reason: part.Where + ": " + part.Reason})
	}
}

// Bury makes a dead letter of a pulled observation that cannot be applied.
func Bury(tx Tx, in Input, reason string) error {
	receipt, err := keep(&in)
	if err != nil {
		return err
	}
	tx.KeepReceipt(receipt, store.Kept{State: "dead", Outcome: "permanent", Reason: reason})
	tx.PutSpoken(receipt.ID, []store.LinkKey{keyOf(in)})
	return nil
}
