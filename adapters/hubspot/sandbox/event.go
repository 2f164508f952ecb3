package sandbox

// event is one entry of a webhook request. It names its object and carries no more of it than the property that changed.
type event struct {
	EventID                 int64   `json:"eventId"`
	SubscriptionID          int64   `json:"subscriptionId"`
	PortalID                int64   `json:"portalId"`
	AppID                   int64   `json:"appId"`
	OccurredAt              int64   `json:"occurredAt"`
	SubscriptionType        string  `json:"subscriptionType"`
	AttemptNumber           int     `json:"attemptNumber"`
	ObjectID                int64   `json:"objectId,omitempty"`
	ObjectTypeID            string  `json:"objectTypeId,omitempty"`
	PropertyName            string  `json:"propertyName,omitempty"`
	PropertyValue           *string `json:"propertyValue,omitempty"`
	ChangeFlag              string  `json:"changeFlag,omitempty"`
	PrimaryObjectID         int64   `json:"primaryObjectId,omitempty"`
	MergedObjectIDs         []int64 `json:"mergedObjectIds,omitempty"`
	NewObjectID             int64   `json:"newObjectId,omitempty"`
	NumberOfPropertiesMoved int     `json:"numberOfPropertiesMoved,omitempty"`
	AssociationType         string  `json:"associationType,omitempty"`
	FromObjectID            int64   `json:"fromObjectId,omitempty"`
	ToObjectID              int64   `json:"toObjectId,omitempty"`
	FromObjectTypeID        string  `json:"fromObjectTypeId,omitempty"`
	ToObjectTypeID          string  `json:"toObjectTypeId,omitempty"`
	AssociationRemoved      *bool   `json:"associationRemoved,omitempty"`
	IsPrimaryAssociation    *bool   `json:"isPrimaryAssociation,omitempty"`
	ChangeSource            string  `json:"changeSource"`
	SourceID                string  `json:"sourceId"`
}

// subscriptions are the ids of the app's subscriptions, by type.
var subscriptions = map[string]int64{
	"contact.creation": 3329277, "contact.propertyChange": 3329278, "contact.deletion": 3329279,
	"contact.merge": 3329280, "contact.restore": 3329281, "contact.privacyDeletion": 3329282, "contact.associationChange": 3329283,
	"ticket.creation": 3329287, "ticket.propertyChange": 3329288, "ticket.deletion": 3329289,
	"ticket.merge": 3329290, "ticket.restore": 3329291, "ticket.associationChange": 3329293,
}

// appID is the app that the webhooks belong to.
const appID = 9393361

// event begins an event of one object, at the account's last time.
func (s *table) event(c *Object, verb string, by origin) event {
	source := "userId:47812075"
	if by == api {
		source = "9393361"
	}
	kind := s.one + "." + verb
	e := event{
		SubscriptionID: subscriptions[kind], PortalID: s.options.PortalID, AppID: appID, OccurredAt: s.lastTime,
		SubscriptionType: kind, ObjectID: c.number(), ChangeSource: string(by), SourceID: source,
	}
	if s.options.Generic && verb != "privacyDeletion" { // which has no generic form
		e.SubscriptionType, e.ObjectTypeID = "object."+verb, s.typeID
	}
	return e
}

func (e event) property(name, value string) event {
	e.PropertyName, e.PropertyValue = name, &value
	return e
}

func (e event) flag(flag string) event {
	e.ChangeFlag = flag
	return e
}
