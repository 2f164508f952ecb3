package canonhub

import "context"

// Merge makes one record of two that are one party: the older id lives, the other answers with it for ever. why is for
// the audit, here and below.
func (r *Records[R, M]) Merge(ctx context.Context, one, other, why string) (R, error) {
	return r.one(ctx, "Merge", map[string]any{"ids": []string{one, other}, "why": why})
}

// Unmerge undoes a merge: both records are again what their sources say. It answers with the one that was merged.
func (r *Records[R, M]) Unmerge(ctx context.Context, id, why string) (R, error) {
	return r.one(ctx, "Unmerge", map[string]any{"id": id, "why": why})
}

// LinkOptions say how an object is linked.
type LinkOptions struct {
	// Primary has it speak for its connection, where that has several objects for the record.
	Primary bool
	// Move takes it from the record that it is linked to now.
	Move bool
	Why  string
}

// Link says that an object at a connection is of a record.
func (r *Records[R, M]) Link(ctx context.Context, id, connection, externalID string, o LinkOptions) (R, error) {
	return r.one(ctx, "Link", map[string]any{"id": id, "connection": connection, "external_id": externalID, "primary": o.Primary, "move": o.Move, "why": o.Why})
}

// Unlink takes an object from its record: what it says counts no more, and it does not find back by itself.
func (r *Records[R, M]) Unlink(ctx context.Context, id, connection, externalID, why string) (R, error) {
	return r.one(ctx, "Unlink", map[string]any{"id": id, "connection": connection, "external_id": externalID, "why": why})
}

// Erase removes for good what is held of a record, in all places; that it was erased stays.
func (r *Records[R, M]) Erase(ctx context.Context, id, why string) (R, error) {
	return r.one(ctx, "Erase", map[string]any{"id": id, "why": why})
}
