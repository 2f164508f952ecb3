package adapters

import "time"

// Carriage says what a vendor can hold of one kind. An attribute path that is in no list cannot be held there;
// `custom.*` stands for every custom attribute. README tables are made of it.
type Carriage struct {
	Kind Kind
	// In are the attribute paths that observations say.
	In []string
	// Out are the attribute paths that a patch may set.
	Out []string
	// OnCreate are further paths that a create may set and an update may not: the vendor never changes them.
	OnCreate []string
	// Create says that the hub can create objects of this kind there.
	Create bool
	// Archive says that the hub can archive them.
	Archive bool
	// Pull says what can be pulled.
	Pull Pull
	// Losses says, for attributes held less exactly than canonical, what is lost: path to one sentence.
	Losses map[string]string
	// Lacks says of every ability that is not there why, in one sentence.
	Lacks map[Ability]string
}

// Pull says what pulling one kind can do.
type Pull struct {
	// MaxPage is the largest page; 0 means that the kind cannot be pulled.
	MaxPage int
	// Changes says that Query.Since is understood.
	Changes bool
	// Deletes says that a pull of changes tells of objects that are gone; else only comparing ids finds them.
	Deletes bool
	// Once says that what was pulled is handed over and not asked for again: what is left at the vendor is not all there is,
	// and the hub compares nothing with it.
	Once bool
	// Lag is how much later than its time a change may show in a pull. The hub begins the next pull that much earlier.
	Lag time.Duration
}

// Ability is something that can be done with a kind, as Carriage.Lacks names it.
type Ability string

// The abilities.
const (
	// Webhooks: the vendor tells of changes by itself.
	Webhooks Ability = "webhooks"
	// DeleteWebhooks: it tells of deletes by itself.
	DeleteWebhooks Ability = "webhooks of deletes"
	// Merges: it merges objects, and tells which one lives on.
	Merges Ability = "merges"
	// Fetches: one object can be read by its id.
	Fetches Ability = "fetch"
	// Pulls: all objects can be pulled.
	Pulls Ability = "pull"
	// PullsChanges: what changed since a time can be pulled.
	PullsChanges Ability = "pull of changes"
	// PullsDeletes: a pull of changes tells of deletes.
	PullsDeletes Ability = "pull of deletes"
	// Counts: the vendor tells how many objects there are, by Counter or with the pages of a whole pull.
	Counts Ability = "count"
	// Updates, Creates and Archives: the hub can.
	Updates  Ability = "update"
	Creates  Ability = "create"
	Archives Ability = "archive"
)

// Abilities lists them all, in the order of README tables.
func Abilities() []Ability {
	return []Ability{Webhooks, DeleteWebhooks, Merges, Fetches, Pulls, PullsChanges, PullsDeletes, Counts, Updates, Creates, Archives}
}

// Can says whether an ability is there. What no other field tells (webhooks, merges, fetch, count) is there unless Lacks names
// it.
func (c Carriage) Can(a Ability) bool {
	switch a {
	case Pulls:
		return c.Pull.MaxPage > 0
	case PullsChanges:
		return c.Pull.Changes
	case PullsDeletes:
		return c.Pull.Deletes
	case Updates:
		return len(c.Out) > 0
	case Creates:
		return c.Create
	case Archives:
		return c.Archive
	}
	_, lacks := c.Lacks[a]
	return !lacks
}
