package zendesk

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// tickets is the mapping of tickets, one row an attribute. Nothing changes it.
var tickets = &kind{
	name: ticket, one: "ticket", many: "tickets", archives: true, lookup: "tickets", lookupBy: "external_id",
	message: func() proto.Message { return &canonicalv1.Ticket{} },
	rows: []row{
		mapped("number", "id", func(r *reading, t *canonicalv1.Ticket) { t.Number = proto.String(r.text("id")) }, nil),
		plain("subject", "subject", (*canonicalv1.Ticket).GetSubject, func(t *canonicalv1.Ticket, v string) { t.Subject = &v }).
			required("a ticket always has a subject"),
		description(),
		mapped("requester", "requester_id", readRequester, writeRequester).required("a ticket always has a requester"),
		mapped("assignee", "assignee_id", func(r *reading, t *canonicalv1.Ticket) { t.Assignee = r.agent("assignee", "assignee_id") }, nil),
		mapped("group", "group_id", func(r *reading, t *canonicalv1.Ticket) { t.Group = r.agent("group", "group_id") }, nil),
		mapped("status", "status", readStatus, writeStatus).
			losing("Closed is written as solved, which Zendesk closes by itself, and new as open once there is a ticket. A status of the account's own is read as its category."),
		mapped("priority", "priority", readPriority, writePriority),
		mapped("type", "type", readType, writeType),
		mapped("channel", "via", readChannel, nil),
		labels((*canonicalv1.Ticket).GetTags, func(t *canonicalv1.Ticket, v []string) { t.Tags = v }),
		mapped("open_time", "created_at", func(r *reading, t *canonicalv1.Ticket) { t.OpenTime = r.time("open_time", "created_at") }, nil),
		mapped("due_time", "due_at", func(r *reading, t *canonicalv1.Ticket) { t.DueTime = r.time("due_time", "due_at") }, nil),
	},
	own: []string{
		"url", "external_id", "updated_at", "generated_timestamp", "raw_subject", "recipient", "submitter_id", "organization_id", "collaborator_ids",
		"follower_ids", "email_cc_ids", "forum_topic_id", "problem_id", "has_incidents", "is_public", "custom_fields", "fields", "satisfaction_rating",
		"satisfaction_probability", "sharing_agreement_ids", "custom_status_id", "encoded_id", "followup_ids", "ticket_form_id", "brand_id",
		"allow_channelback", "allow_attachments", "from_messaging_channel", "support_type", "comment_count",
	},
	gone: func(o *object) (bool, bool) { return o.text("status") == "deleted", false },
	complete: func(fields map[string]any) string {
		if fields["comment"] == nil {
			fields["comment"] = comment(fields["subject"])
		}
		if fields["comment"] == nil {
			return "Zendesk takes no ticket without a description or a subject"
		}
		return ""
	},
	lacks: map[adapters.Ability]string{
		adapters.Merges: "A ticket that was merged into another stays there, closed, and is read as such.",
	},
}

// description is a new ticket's first comment.
func description() row {
	r := mapped("description", "description",
		func(r *reading, t *canonicalv1.Ticket) {
			if v := r.text("description"); v != "" {
				t.Description = &v
			}
		},
		func(t *canonicalv1.Ticket, fields map[string]any) string {
			if body := comment(t.GetDescription()); body != nil {
				fields["comment"] = body
			}
			return ""
		}).losing("Zendesk takes off blanks at either end.")
	r.onCreate = true
	return r
}

// comment is a text as a first comment; nil where there is none.
func comment(body any) any {
	if body == nil || body == "" {
		return nil
	}
	return map[string]any{"body": body}
}

func readRequester(r *reading, t *canonicalv1.Ticket) {
	if id := r.id("requester", "requester_id"); id != "" {
		t.Requester = &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
	}
}

func writeRequester(t *canonicalv1.Ticket, fields map[string]any) string {
	id := t.GetRequester().GetExternal().GetExternalId()
	if id != "" && !isID(id) {
		return "it is no user's id"
	}
	fields["requester_id"] = number(id)
	return ""
}

// time reads a moment.
func (r *reading) time(path, field string) *timestamppb.Timestamp {
	at, ok := r.moment(path, field)
	if !ok {
		return nil
	}
	return timestamppb.New(at)
}

// agent reads a member of the staff, or a team.
func (r *reading) agent(path, field string) *canonicalv1.Agent {
	id := r.id(path, field)
	if id == "" {
		return nil
	}
	return &canonicalv1.Agent{Connection: r.connection, ExternalId: id}
}
