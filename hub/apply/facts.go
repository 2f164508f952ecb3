package apply

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// Facts is what is known, and the transactions that change it. The store has it (In); the interface is here because
// the proof of convergence runs this package, and deliveries, over facts in memory, thousands of histories a minute and
// one step at a time.
type Facts interface {
	InTx(context.Context, func(Tx) error) error
	ActivePolicy(context.Context) (*store.Policy, error)
	RecordsBehind(ctx context.Context, policyVersion int64, limit int) ([]store.RecordID, error)
}

// Tx is one transaction. What it puts is there once the function that has it returns nil.
type Tx interface {
	Identities
	Merges
	Records
	Attempts
	Brakes
	Requests
	Trails
	Erasures
	// SQL is for the queue, which inserts jobs in this very transaction (law 3).
	SQL(context.Context) (pgx.Tx, error)
}

// Identities are links, match keys and what waits for them.
type Identities interface {
	LockContact(ctx context.Context, key store.LinkKey, keys []store.MatchKey, refers []store.LinkKey) (*store.Contact, error)
	PutLink(*store.Link)
	PutMatchKey(kind model.Kind, key store.MatchKey, id store.RecordID, correlationID string)
	DropMatchKey(kind model.Kind, key store.MatchKey, id store.RecordID)
	PutGone(key store.LinkKey, at time.Time)
	GoneAt(context.Context, store.LinkKey) (time.Time, error)
	PutOrphan(key store.LinkKey, match store.MatchKey, receiptID string)
	TakeOrphans(context.Context, model.Kind, []store.MatchKey) ([]store.Orphan, error)
	TakeWaiting(ctx context.Context, kind model.Kind, connections []string, limit int) ([]store.Orphan, error)
	TakeOrphan(context.Context, store.LinkKey) ([]store.Orphan, error)
	LinkOrphan(*store.Link)
	LockObject(context.Context, store.LinkKey) (*store.Link, error)
	LinkOf(context.Context, store.LinkKey) (*store.Link, error)
	ExternalID(ctx context.Context, id store.RecordID, connection string) (string, error)
	DropView(store.LinkKey, store.RecordID)
	Bar(store.LinkKey, store.RecordID)
	Unbar(store.LinkKey, store.RecordID)
	MoveView(key store.LinkKey, from, to store.RecordID)
}

// Merges are records that become one, and two again.
type Merges interface {
	LockRecords(context.Context, store.Locks) ([]*store.Bundle, error)
	Living(context.Context, ...store.RecordID) ([]store.RecordID, error)
	PutMerge(merged store.RecordID, survivor *store.Record)
	ReviewsMerged(merged, survivor store.RecordID, reviews []*store.Review, c store.Closing)
	Merged(context.Context, store.RecordID) (*store.Merged, error)
	Part(m *store.Merged, from store.RecordID)
	NotOne(kind model.Kind, a, b store.RecordID, c store.Closing)
}

// Records are records with their views and what follows from them.
type Records interface {
	LockBundle(context.Context, store.RecordID) (*store.Bundle, error)
	PutRecord(*store.Record) error
	PutPromoted(r *store.Record, attributes []model.Path)
	PutView(*store.View) error
	PutChange(*store.Change)
	PutDelivery(*store.Delivery)
	SettleDelivery(id store.RecordID, connection string)
	WaitingFor(ctx context.Context, id store.RecordID, connection string, limit int) ([]store.RecordID, error)
	Restamp(id store.RecordID, version int64)
}

// Attempts are pushes, stored before they are made.
type Attempts interface {
	PutAttempt(context.Context, *store.Attempt) error
	ResendAttempt(id int64)
	SettleAttempt(id int64, state store.AttemptState, reason string)
	AbandonedCreates(ctx context.Context, id store.RecordID, connection string) ([]*store.Attempt, error)
}

// Brakes are what stops a connection's deliveries where too much would change at once.
type Brakes interface {
	CountChanging(context.Context, store.Changing) (map[model.Path]int, error)
	LiveLinks(ctx context.Context, connection string, kind model.Kind) (int, error)
	LockBrake(context.Context, store.BrakeKey) (*store.Brake, error)
	PutBrake(*store.Brake)
}

// Trails are what people are told.
type Trails interface {
	PutTrail(store.Trail)
	PutReview(store.Review)
	CloseReview(*store.Review, store.Closing)
	PutDeadLetter(store.DeadLetter)
	FinishReceipt(id, state, outcome string)
	SplitReceipt(id, outcome string)
	KeepReceipt(*store.Receipt, store.Kept)
	PutReceipts(context.Context, []*store.Receipt) (fresh map[string]bool, err error)
	PutSpoken(receiptID string, objects []store.LinkKey)
}

// Requests are what callers asked, and what that is judged by.
type Requests interface {
	LockRequest(context.Context, store.RequestKey) (*store.Request, error)
	PutRequest(*store.Request)
	ChangedSince(ctx context.Context, id store.RecordID, since store.Revision, paths []model.Path) (map[model.Path]store.Revision, bool, error)
}

// Erasures are records of which nothing is left.
type Erasures interface {
	Tree(context.Context, store.RecordID) (*store.Tree, error)
	Erase(store.Erasure)
	PutErased(store.LinkKey, store.RecordID)
}

// In makes facts of a store.
func In(db *store.Store) Facts { return database{db} }

type database struct{ *store.Store }

// InTx runs fn in a transaction of the store.
func (d database) InTx(ctx context.Context, fn func(Tx) error) error {
	return d.Store.InTx(ctx, func(tx *store.Tx) error { return fn(tx) })
}
