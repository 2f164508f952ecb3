package zendesk

import (
	"encoding/json"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// tickets is the mapping of tickets, one row an attribute. Nothing changes it.
var tickets = &kind{
	Kind: mapping.Kind{
		Name: ticket, Vendor: "Zendesk", IsID: mapping.IsNumber, Guarded: true, Complete: completeTicket,
		Message: func() proto.Message { return &canonicalv1.Ticket{} },
		Rows: []mapping.Row{
			mapping.Plain("number", "id").ReadOnly(),
			mapping.Plain("subject", "subject").Required("a ticket always has a subject"),
			mapping.WrittenBy(mapping.Plain("description", "description"), writeDescription).CreateOnly().
				Losing("Zendesk takes off blanks at either end."),
			mapping.Link("requester", "requester_id", mapping.IsNumber, number).Required("a ticket always has a requester"),
			mapping.Agent("assignee", "assignee_id", mapping.IsNumber),
			mapping.Agent("group", "group_id", mapping.IsNumber),
			mapping.WrittenBy(mapping.Choice("status", "status", statuses, mapping.Same), writeStatus).
				Losing("Closed is written as solved, which Zendesk closes by itself, and new as open once there is a ticket. A status of the account's own is read as its category."),
			mapping.Choice("priority", "priority", priorities, mapping.Same).Nulled(),
			mapping.Choice("type", "type", types, mapping.Same).Nulled(),
			mapping.Of("channel", []string{"via"}, readChannel, nil),
			labels((*canonicalv1.Ticket).GetTags, func(t *canonicalv1.Ticket, v []string) { t.Tags = v }),
			mapping.Time("open_time", "created_at", mapping.RFC3339),
			mapping.Time("due_time", "due_at", mapping.RFC3339),
		},
		Own: []string{
			"url", "external_id", "updated_at", "generated_timestamp", "raw_subject", "recipient", "submitter_id", "organization_id", "collaborator_ids",
			"follower_ids", "email_cc_ids", "forum_topic_id", "problem_id", "has_incidents", "is_public", "custom_fields", "fields", "satisfaction_rating",
			"satisfaction_probability", "sharing_agreement_ids", "custom_status_id", "encoded_id", "followup_ids", "ticket_form_id", "brand_id",
			"allow_channelback", "allow_attachments", "from_messaging_channel", "support_type", "comment_count",
		},
	},
	one: "ticket", many: "tickets", archives: true, lookup: "tickets", lookupBy: "external_id",
	gone: func(o *object) (bool, bool) { return o.text("status") == "deleted", false },
	lacks: map[adapters.Ability]string{
		adapters.Merges: "A ticket that was merged into another stays there, closed, and is read as such.",
	},
}

// The values of Zendesk's lists. The account's own statuses stand behind these, as their categories.
var (
	statuses = mapping.Words[canonicalv1.TicketStatus]{
		"new":     canonicalv1.TicketStatus_TICKET_STATUS_NEW,
		"open":    canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
		"pending": canonicalv1.TicketStatus_TICKET_STATUS_PENDING,
		"hold":    canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD,
		"solved":  canonicalv1.TicketStatus_TICKET_STATUS_SOLVED,
		"closed":  canonicalv1.TicketStatus_TICKET_STATUS_CLOSED,
	}
	priorities = mapping.Words[canonicalv1.TicketPriority]{
		"low":    canonicalv1.TicketPriority_TICKET_PRIORITY_LOW,
		"normal": canonicalv1.TicketPriority_TICKET_PRIORITY_NORMAL,
		"high":   canonicalv1.TicketPriority_TICKET_PRIORITY_HIGH,
		"urgent": canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT,
	}
	types = mapping.Words[canonicalv1.TicketType]{
		"question": canonicalv1.TicketType_TICKET_TYPE_QUESTION,
		"incident": canonicalv1.TicketType_TICKET_TYPE_INCIDENT,
		"problem":  canonicalv1.TicketType_TICKET_TYPE_PROBLEM,
		"task":     canonicalv1.TicketType_TICKET_TYPE_TASK,
	}
	channels = mapping.Words[canonicalv1.TicketChannel]{
		"email":            canonicalv1.TicketChannel_TICKET_CHANNEL_EMAIL,
		"web":              canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"web_form":         canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"web_widget":       canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"help_center":      canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"mobile":           canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"mobile_sdk":       canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"voice":            canonicalv1.TicketChannel_TICKET_CHANNEL_PHONE,
		"phone":            canonicalv1.TicketChannel_TICKET_CHANNEL_PHONE,
		"chat":             canonicalv1.TicketChannel_TICKET_CHANNEL_CHAT,
		"native_messaging": canonicalv1.TicketChannel_TICKET_CHANNEL_CHAT,
		"sms":              canonicalv1.TicketChannel_TICKET_CHANNEL_CHAT,
		"whatsapp":         canonicalv1.TicketChannel_TICKET_CHANNEL_CHAT,
		"facebook":         canonicalv1.TicketChannel_TICKET_CHANNEL_SOCIAL,
		"twitter":          canonicalv1.TicketChannel_TICKET_CHANNEL_SOCIAL,
		"api":              canonicalv1.TicketChannel_TICKET_CHANNEL_API,
		"web_service":      canonicalv1.TicketChannel_TICKET_CHANNEL_API,
	}
)

// writeStatus writes no status that Zendesk does not take from us. Whether an update may say new is decided when the
// ticket is read.
func writeStatus(t *canonicalv1.Ticket, w mapping.Fields) string {
	status := t.GetStatus()
	switch status {
	case canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED:
		return "a ticket always has a status, and Zendesk has none of that name"
	case canonicalv1.TicketStatus_TICKET_STATUS_DELETED:
		return "tickets are deleted, not given a status"
	case canonicalv1.TicketStatus_TICKET_STATUS_CLOSED:
		status = canonicalv1.TicketStatus_TICKET_STATUS_SOLVED
	}
	w["status"], _ = statuses.Word(status) // it is one of those
	return ""
}

func readChannel(r *mapping.Reading, t *canonicalv1.Ticket) {
	var via struct {
		Channel json.RawMessage `json:"channel"`
	}
	_ = json.Unmarshal(r.Fields["via"], &via) // what is no object says nothing
	channels.Say(r, t, "via.channel", mapping.Text(via.Channel))
}

// writeDescription makes a description a new ticket's first comment.
func writeDescription(t *canonicalv1.Ticket, w mapping.Fields) string {
	w["comment"] = comment(t.GetDescription())
	return ""
}

func comment(body string) mapping.Fields { return mapping.Fields{"body": body} }

// completeTicket opens a ticket without a description with its subject.
func completeTicket(_ adapters.Patch, w mapping.Fields) (mapping.Fields, string) {
	subject, _ := w["subject"].(string) // none is empty
	switch {
	case w["comment"] != nil:
		return nil, ""
	case subject == "":
		return nil, "Zendesk takes no ticket without a description or a subject"
	}
	return mapping.Fields{"comment": comment(subject)}, ""
}

// number is an id as a number, which may be beyond what a float holds; null for none.
func number(id string) any {
	if id == "" {
		return nil
	}
	return json.Number(id)
}
