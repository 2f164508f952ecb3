package hubspot

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// change is an event as HubSpot sends it. It names objects and says nothing of them.
type change struct {
	ObjectTypeID    string  `json:"objectTypeId"`
	ObjectID        value   `json:"objectId"`
	PropertyName    string  `json:"propertyName"`
	PrimaryObjectID value   `json:"primaryObjectId"`
	MergedObjectIDs []value `json:"mergedObjectIds"`
	NewObjectID     value   `json:"newObjectId"`

	AssociationType  string `json:"associationType"`
	FromObjectID     value  `json:"fromObjectId"`
	ToObjectID       value  `json:"toObjectId"`
	FromObjectTypeID string `json:"fromObjectTypeId"`
	ToObjectTypeID   string `json:"toObjectTypeId"`
}

// translator says which objects an event is about.
type translator struct{ kinds kinds }

// Translate names the object to fetch, or says that it is gone. An event of a type that we do not know is a hint that
// something changed: fetching can do no harm.
func (t translator) Translate(e adapters.Event) (adapters.Translation, error) {
	var c change
	if err := json.Unmarshal(e.Body, &c); err != nil {
		return adapters.Translation{}, unreadable("it is no event")
	}
	subject, verb, _ := strings.Cut(e.Type, ".")
	if subject == "object" {
		subject = c.ObjectTypeID
	}
	k := t.kinds.called(subject)
	switch {
	case verb == "associationChange":
		return t.associated(c)
	case k == nil:
		return ignored("objects of this type are not carried"), nil
	case verb == "propertyChange" && c.PropertyName != "" && !slices.Contains(k.Asked(), c.PropertyName):
		return ignored("the property is not carried"), nil
	case verb == "merge":
		return k.merged(e, c)
	case !isID(c.ObjectID):
		return adapters.Translation{}, unreadable("it names no " + k.one)
	case (verb == "deletion" || verb == "privacyDeletion") && !e.OccurredAt.IsZero():
		o := k.gone(e, c.ObjectID)
		o.Erase = verb == "privacyDeletion" // beside which HubSpot tells of a deletion, before or after
		return adapters.Translation{Observations: []adapters.Observation{o}}, nil
	}
	return adapters.Translation{Fetch: []adapters.Object{k.object(c.ObjectID)}}, nil
}

// associated names the object that has another contact now, or one less. HubSpot tells it from either side.
func (t translator) associated(c change) (adapters.Translation, error) {
	from, to := c.FromObjectTypeID, c.ToObjectTypeID
	if from == "" {
		from, to, _ = strings.Cut(strings.ToLower(c.AssociationType), "_to_")
	}
	id := c.FromObjectID
	one, other := t.kinds.called(from), t.kinds.called(to)
	if other != nil && other.associates {
		id, one, other = c.ToObjectID, other, one
	}
	switch {
	case one == nil || !one.associates || other == nil || other.Name != customer:
		return ignored("this association is not carried"), nil
	case !isID(id):
		return adapters.Translation{}, unreadable("it names no " + one.one)
	}
	return adapters.Translation{Fetch: []adapters.Object{one.object(id)}}, nil
}

// merged says which object lives on. HubSpot makes a new one of the two, or keeps the primary one.
func (k *kind) merged(e adapters.Event, c change) (adapters.Translation, error) {
	winner, losers := c.PrimaryObjectID, c.MergedObjectIDs
	if isID(c.NewObjectID) && c.NewObjectID != winner {
		winner, losers = c.NewObjectID, append(slices.Clone(losers), c.PrimaryObjectID)
	}
	if !isID(winner) {
		return adapters.Translation{}, unreadable("it names no " + k.one + " that lives on")
	}
	t := adapters.Translation{Fetch: []adapters.Object{k.object(winner)}}
	slices.Sort(losers)
	for _, loser := range slices.Compact(losers) {
		switch {
		case !isID(loser) || loser == winner:
		case e.OccurredAt.IsZero():
			t.Fetch = append(t.Fetch, k.object(loser))
		default:
			o := k.gone(e, loser)
			o.MergedInto = adapters.ExternalID(winner)
			t.Observations = append(t.Observations, o)
		}
	}
	return t, nil
}

func (k *kind) gone(e adapters.Event, id value) adapters.Observation {
	return adapters.Observation{Object: k.object(id), At: e.OccurredAt, Gone: true, Raw: e.Body}
}

func ignored(why string) adapters.Translation { return adapters.Translation{Ignored: why} }

func unreadable(why string) error {
	return &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event cannot be used: " + why}
}
