package hubspot

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
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
	return kind{
		name: ticket, one: "ticket", many: "tickets", typeID: "0-5", modified: "hs_lastmodifieddate",
		message:  func() proto.Message { return &canonicalv1.Ticket{} },
		create:   (*account).post,
		complete: p.begin,
		unfit:    p.unfit,
		further:  []string{pipelineProperty},
	}.with(
		mapped("number", []string{idProperty}, func(r *reading, t *canonicalv1.Ticket) { t.Number = proto.String(r.value(idProperty)) }, nil),
		plain("subject", "subject", (*canonicalv1.Ticket).GetSubject, func(t *canonicalv1.Ticket, v string) { t.Subject = &v }),
		plain("description", "content", (*canonicalv1.Ticket).GetDescription, func(t *canonicalv1.Ticket, v string) { t.Description = &v }),
		mapped("requester", []string{contactsProperty}, readRequester, writeRequester).
			losing("A ticket has any number of contacts, and HubSpot does not say which of them asks: where there are several, none is read. A write takes the place of a single other one, and leaves several."),
		mapped("assignee", []string{"hubspot_owner_id"}, func(r *reading, t *canonicalv1.Ticket) { t.Assignee = r.agent("hubspot_owner_id") }, nil),
		mapped("group", []string{"hubspot_team_id"}, func(r *reading, t *canonicalv1.Ticket) { t.Group = r.agent("hubspot_team_id") }, nil),
		mapped("status", []string{stageProperty}, p.readStatus, p.writeStatus).
			losing("Kept as a stage, which means what the connection's options say. Solved and closed stand for each other where there is a stage for one of them alone, and open for new and on hold."),
		mapped("priority", []string{"hs_ticket_priority"},
			func(r *reading, t *canonicalv1.Ticket) {
				t.Priority, t.PriorityRaw = priorities.read(r, "hs_ticket_priority")
			},
			func(t *canonicalv1.Ticket) ([]string, string) {
				return priorities.write(t.GetPriority(), t.GetPriorityRaw())
			}),
		mapped("channel", []string{"source_type"},
			func(r *reading, t *canonicalv1.Ticket) { t.Channel, t.ChannelRaw = channels.read(r, "source_type") },
			func(t *canonicalv1.Ticket) ([]string, string) {
				return channels.write(t.GetChannel(), t.GetChannelRaw())
			}),
		moment("open_time", "createdate", func(t *canonicalv1.Ticket, at *timestamppb.Timestamp) { t.OpenTime = at }),
		moment("first_response_time", "first_agent_reply_date", func(t *canonicalv1.Ticket, at *timestamppb.Timestamp) { t.FirstResponseTime = at }),
		moment("solve_time", "closed_date", func(t *canonicalv1.Ticket, at *timestamppb.Timestamp) { t.SolveTime = at }),
	)
}

// moment maps a time that HubSpot sets.
func moment(path, property string, set func(*canonicalv1.Ticket, *timestamppb.Timestamp)) row {
	return mapped(path, []string{property}, func(r *reading, t *canonicalv1.Ticket) {
		raw := r.value(property)
		if raw == "" {
			return
		}
		at, err := time.Parse(time.RFC3339Nano, raw)
		if err != nil {
			r.unusable(path, raw, "it is no time")
			return
		}
		set(t, timestamppb.New(at))
	}, nil)
}

// readStatus keeps the id of a stage that the options do not name.
func (p pipeline) readStatus(r *reading, t *canonicalv1.Ticket) {
	id := r.value(stageProperty)
	if id == "" {
		return
	}
	status, ok := p.means[id]
	if !ok {
		t.StatusRaw = &id
		r.unknown(stageProperty + "=" + id)
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

func (p pipeline) writeStatus(t *canonicalv1.Ticket) ([]string, string) {
	status := t.GetStatus()
	switch {
	case status == canonicalv1.TicketStatus_TICKET_STATUS_DELETED:
		return nil, "tickets are deleted, not given a status"
	case status == canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED && t.GetStatusRaw() == "":
		return nil, "a ticket always has a stage"
	case status == canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED:
		return []string{t.GetStatusRaw()}, ""
	}
	for _, s := range []canonicalv1.TicketStatus{status, nearest[status]} {
		if id := p.enters[s]; id != "" {
			return []string{id}, ""
		}
	}
	return nil, "the connection's options name no stage for it"
}

// begin puts a new ticket into the pipeline, and on its first stage where the record has no status.
func (p pipeline) begin(properties map[string]string) string {
	if properties[stageProperty] == "" {
		first, why := p.writeStatus(&canonicalv1.Ticket{Status: canonicalv1.TicketStatus_TICKET_STATUS_NEW.Enum()})
		if why != "" {
			return "HubSpot takes no ticket without a stage, and the options name none for one that is new or open"
		}
		properties[stageProperty] = first[0]
	}
	properties[pipelineProperty] = p.id
	return ""
}

// unfit refuses the status of a ticket in another pipeline, which our stages would move over, and to take away one of
// several contacts.
func (p pipeline) unfit(now *object, properties map[string]string) (path, why string) {
	_, moves := properties[stageProperty]
	contact, asks := properties[contactsProperty]
	switch {
	case moves && string(now.Properties[pipelineProperty]) != p.id:
		return "status", "the ticket is in another pipeline than the options name"
	case asks && contact == "" && len(now.contacts()) > 1:
		return "requester", severalContacts
	}
	return "", ""
}

// choices are the values of one of HubSpot's lists.
type choices[E ~int32] map[string]E

var priorities = choices[canonicalv1.TicketPriority]{
	"LOW":    canonicalv1.TicketPriority_TICKET_PRIORITY_LOW,
	"MEDIUM": canonicalv1.TicketPriority_TICKET_PRIORITY_NORMAL,
	"HIGH":   canonicalv1.TicketPriority_TICKET_PRIORITY_HIGH,
	"URGENT": canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT,
}

var channels = choices[canonicalv1.TicketChannel]{
	"EMAIL": canonicalv1.TicketChannel_TICKET_CHANNEL_EMAIL,
	"FORM":  canonicalv1.TicketChannel_TICKET_CHANNEL_WEB,
	"PHONE": canonicalv1.TicketChannel_TICKET_CHANNEL_PHONE,
	"CHAT":  canonicalv1.TicketChannel_TICKET_CHANNEL_CHAT,
}

// read gives a value's meaning, or its text where it has none that we know.
func (c choices[E]) read(r *reading, property string) (is *E, raw *string) {
	name := r.value(property)
	if name == "" {
		return nil, nil
	}
	known, ok := c[strings.ToUpper(name)]
	if !ok {
		r.unknown(property + "=" + name)
		raw = &name
	}
	return &known, raw
}

// write gives a value's name. One that we did not know is written back as it was.
func (c choices[E]) write(is E, raw string) ([]string, string) {
	if is == 0 {
		return []string{raw}, ""
	}
	for name, known := range c {
		if known == is {
			return []string{name}, ""
		}
	}
	return nil, "HubSpot has no such choice"
}
