package zendesk

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// translator says which objects an event is about.
type translator struct{}

// silent are the events that tell of nothing that is carried.
var silent = map[string]string{
	"ticket.comment_added": "comments are not carried", "ticket.comment_made_private": "comments are not carried", "ticket.comment_redacted": "comments are not carried",
	"ticket.attachment_linked_to_comment": "attachments are not carried", "ticket.attachment_redacted_from_comment": "attachments are not carried",
	"ticket.csat_requested": "satisfaction is not carried", "ticket.csat_received": "satisfaction is not carried",
	"ticket.email_ccs_changed": "copies are not carried", "ticket.followers_changed": "followers are not carried",
	"ticket.sla_policy_changed": "service levels are not carried", "ticket.ola_policy_changed": "service levels are not carried",
	"ticket.next_sla_breach_changed": "service levels are not carried", "ticket.schedule_changed": "schedules are not carried",
	"user.last_login_changed": "logins are not carried", "user.password_changed": "logins are not carried", "user.photo_changed": "pictures are not carried",
	"user.group_membership_created": "teams are not carried", "user.group_membership_deleted": "teams are not carried",
}

// deletes are the events of objects that are gone.
var deletes = map[string]bool{"ticket.soft_deleted": true, "ticket.permanently_deleted": true, "user.deleted": true}

// Translate names the objects to read, or says that one is gone. An event of a type that we do not know is a hint that
// something changed: reading can do no harm.
func (translator) Translate(e adapters.Event) (adapters.Translation, error) {
	var in envelope
	if err := json.Unmarshal(e.Body, &in); err != nil {
		return adapters.Translation{}, unreadable("it is no event")
	}
	if e.Type == triggered {
		return fetched(tickets, mapping.Text(in.TicketID))
	}
	name := subjectOf(e.Type)
	domain, _, _ := strings.Cut(name, ".")
	k := map[string]*kind{"ticket": tickets, "user": users}[domain]
	switch {
	case k == nil:
		return ignored("only tickets and users are carried"), nil
	case silent[name] != "":
		return ignored(silent[name]), nil
	case k == users && isStaff(mapping.Text(in.Detail["role"])) && name != "user.role_changed":
		return ignored("staff are no customers"), nil
	case deletes[name] && !e.OccurredAt.IsZero():
		return gone(k, e, in.object(domain))
	case strings.HasSuffix(name, ".merged"):
		return fetched(k, append(in.others(), in.object(domain))...)
	}
	return fetched(k, in.object(domain))
}

// subjectOf is an event's type without what all types begin with: "ticket.created". It is empty for what is no type.
func subjectOf(text string) string {
	rest, ok := strings.CutPrefix(text, "zen:event-type")
	if !ok || len(rest) < 2 || rest[0] != ':' && rest[0] != '/' { // the documents have either
		return ""
	}
	return rest[1:]
}

// object is the id of the object that an event is about.
func (in envelope) object(domain string) string {
	if id, ok := strings.CutPrefix(mapping.Text(in.Subject), "zen:"+domain+":"); ok {
		return id
	}
	return mapping.Text(in.Detail["id"])
}

// others are ids of the event's own part: of a merge, the other object's. What Zendesk calls it there is not documented.
func (in envelope) others() []string {
	var parts map[string]json.RawMessage
	_ = json.Unmarshal(in.Event, &parts) // without any, the one that the event is about is read
	var ids []string
	for name, raw := range parts {
		var part struct {
			ID json.RawMessage `json:"id"`
		}
		if id := mapping.Text(raw); strings.HasSuffix(name, "_id") && mapping.IsNumber(id) {
			ids = append(ids, id)
		} else if json.Unmarshal(raw, &part) == nil && mapping.IsNumber(mapping.Text(part.ID)) {
			ids = append(ids, mapping.Text(part.ID))
		}
	}
	slices.Sort(ids)
	return ids
}

func fetched(k *kind, ids ...string) (adapters.Translation, error) {
	var t adapters.Translation
	seen := map[string]bool{}
	for _, id := range ids {
		if !mapping.IsNumber(id) {
			return adapters.Translation{}, unreadable("it names no " + k.one)
		}
		if !seen[id] {
			t.Fetch = append(t.Fetch, adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(id)})
		}
		seen[id] = true
	}
	return t, nil
}

func gone(k *kind, e adapters.Event, id string) (adapters.Translation, error) {
	if !mapping.IsNumber(id) {
		return adapters.Translation{}, unreadable("it names no " + k.one)
	}
	return adapters.Translation{Observations: []adapters.Observation{{
		Object: adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(id)}, At: e.OccurredAt, Gone: true, Raw: e.Body,
	}}}, nil
}

func ignored(why string) adapters.Translation { return adapters.Translation{Ignored: why} }

func unreadable(why string) error {
	return &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event cannot be used: " + why}
}
