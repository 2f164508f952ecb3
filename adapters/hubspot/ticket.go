package hubspot

import (
	"cmp"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const ticket adapters.Kind = "ticket"

// stageProperty and pipelineProperty say how far a ticket has come. Ids of stages are the account's own.
const (
	stageProperty    = "hs_pipeline_stage"
	pipelineProperty = "hs_pipeline"
)

// tickets is the mapping of tickets, one row an attribute.
func tickets(p pipeline) *kind {
	return &kind{
		one: "ticket", many: "tickets", typeID: "0-5", modified: "hs_lastmodifieddate", create: (*account).post,
		further: []string{pipelineProperty}, associates: true, unfit: p.unfit,
		Kind: mapping.Kind{
			Name: ticket, Vendor: vendor, IsID: isID[string], Own: ownProperties, Complete: p.begin,
			Message: func() proto.Message { return &canonicalv1.Ticket{} },
			Rows: []mapping.Row{
				mapping.Plain("number", idProperty).ReadOnly(),
				mapping.Plain("subject", "subject"),
				mapping.Plain("description", "content"),
				mapping.Of("requester", []string{contactsProperty}, readRequester, writeRequester).
					Losing("A ticket has any number of contacts, and HubSpot does not say which of them asks: where there are several, none is read. A write takes the place of a single other one, and leaves several."),
				mapping.Agent("assignee", "hubspot_owner_id", anyID),
				mapping.Agent("group", "hubspot_team_id", anyID),
				mapping.Of("status", []string{stageProperty}, p.readStatus, p.writeStatus).
					Losing("Kept as a stage, which means what the connection's options say. Solved and closed stand for each other where there is a stage for one of them alone, and open for new and on hold."),
				mapping.Choice("priority", "hs_ticket_priority", priorities, strings.ToUpper).Open(),
				mapping.Choice("channel", "source_type", channels, strings.ToUpper).Open(),
				mapping.Time("open_time", "createdate", mapping.RFC3339),
				mapping.Time("first_response_time", "first_agent_reply_date", mapping.RFC3339),
				mapping.Time("solve_time", "closed_date", mapping.RFC3339),
			},
		},
	}
}

// The values of HubSpot's lists.
var (
	priorities = mapping.Words[canonicalv1.TicketPriority]{
		"low":    canonicalv1.TicketPriority_TICKET_PRIORITY_LOW,
		"medium": canonicalv1.TicketPriority_TICKET_PRIORITY_NORMAL,
		"high":   canonicalv1.TicketPriority_TICKET_PRIORITY_HIGH,
		"urgent": canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT,
	}
	channels = mapping.Words[canonicalv1.TicketChannel]{
		"email": canonicalv1.TicketChannel_TICKET_CHANNEL_EMAIL,
		"form":  canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
		"phone": canonicalv1.TicketChannel_TICKET_CHANNEL_PHONE,
		"chat":  canonicalv1.TicketChannel_TICKET_CHANNEL_CHAT,
	}
)

// readStatus keeps the id of a stage that the options do not name.
func (p pipeline) readStatus(r *mapping.Reading, t *canonicalv1.Ticket) {
	id := r.Text(stageProperty)
	if id == "" {
		return
	}
	status, ok := p.means[id]
	if !ok {
		t.StatusRaw = &id
		r.Unknown(stageProperty + "=" + id)
	}
	t.Status = &status
}

// nearest is the status that another one is written as where no stage means it.
var nearest = map[canonicalv1.TicketStatus]canonicalv1.TicketStatus{
	canonicalv1.TicketStatus_TICKET_STATUS_NEW:     canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
	canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD: canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
	canonicalv1.TicketStatus_TICKET_STATUS_SOLVED:  canonicalv1.TicketStatus_TICKET_STATUS_CLOSED,
	canonicalv1.TicketStatus_TICKET_STATUS_CLOSED:  canonicalv1.TicketStatus_TICKET_STATUS_SOLVED,
}

func (p pipeline) writeStatus(t *canonicalv1.Ticket, w mapping.Fields) string {
	switch status, raw := t.GetStatus(), t.GetStatusRaw(); {
	case status == canonicalv1.TicketStatus_TICKET_STATUS_DELETED:
		return "tickets are deleted, not given a status"
	case status != canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED:
		w[stageProperty] = cmp.Or(p.enters[status], p.enters[nearest[status]])
	case raw == "":
		return "a ticket always has a stage"
	default:
		w[stageProperty] = raw
	}
	if w[stageProperty] == "" {
		return "the connection's options name no stage for it"
	}
	return ""
}

// begin puts a new ticket into the pipeline, and on its first stage where the record has no status.
func (p pipeline) begin(_ adapters.Patch, written mapping.Fields) (also mapping.Fields, missing string) {
	also = mapping.Fields{pipelineProperty: p.id}
	if written[stageProperty] == nil && p.writeStatus(&canonicalv1.Ticket{Status: canonicalv1.TicketStatus_TICKET_STATUS_NEW.Enum()}, also) != "" {
		return nil, "HubSpot takes no ticket without a stage, and the options name none for one that is new or open"
	}
	return also, ""
}

// unfit refuses the status of a ticket in another pipeline, which our stages would move over, and to take away one of
// several contacts.
func (p pipeline) unfit(now *object, t task) (path, why string) {
	switch {
	case t.writes(stageProperty) && now.text(pipelineProperty) != p.id:
		return "status", "the ticket is in another pipeline than the options name"
	case t.writes(contactsProperty) && t.text(contactsProperty) == "" && len(now.contacts()) > 1:
		return "requester", severalContacts
	}
	return "", ""
}
