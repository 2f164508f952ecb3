package converge_test

import (
	"context"
	"errors"

	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// errNobodyErases is what erasing answers here: what is gone for good has nothing to converge to.
var errNobodyErases = errors.New("nobody erases in this world")

// Erase is never called.
func (q queue) Erase(context.Context, jobs.Tx, store.RecordID) error { return errNobodyErases }

// Tree is never called.
func (t *tx) Tree(context.Context, store.RecordID) (*store.Tree, error) { return nil, errNobodyErases }

// Erase is never called.
func (t *tx) Erase(store.Erasure) {}

// PutErased is never called.
func (t *tx) PutErased(store.LinkKey, store.RecordID) {}

// PutSpoken has nothing to keep: whose events are of whom is asked by nobody who does not erase.
func (t *tx) PutSpoken(string, []store.LinkKey) {}
