package zendesk

import (
	"encoding/json"
	"strings"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// choices are the values of one of Zendesk's lists. The account's own statuses stand behind these, as their categories.
type choices[E ~int32] map[string]E

var statuses = choices[canonicalv1.TicketStatus]{
	"new":     canonicalv1.TicketStatus_TICKET_STATUS_NEW,
	"open":    canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
	"pending": canonicalv1.TicketStatus_TICKET_STATUS_PENDING,
	"hold":    canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD,
	"solved":  canonicalv1.TicketStatus_TICKET_STATUS_SOLVED,
	"closed":  canonicalv1.TicketStatus_TICKET_STATUS_CLOSED,
}

var priorities = choices[canonicalv1.TicketPriority]{
	"low":    canonicalv1.TicketPriority_TICKET_PRIORITY_LOW,
	"normal": canonicalv1.TicketPriority_TICKET_PRIORITY_NORMAL,
	"high":   canonicalv1.TicketPriority_TICKET_PRIORITY_HIGH,
	"urgent": canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT,
}

var types = choices[canonicalv1.TicketType]{
	"question": canonicalv1.TicketType_TICKET_TYPE_QUESTION,
	"incident": canonicalv1.TicketType_TICKET_TYPE_INCIDENT,
	"problem":  canonicalv1.TicketType_TICKET_TYPE_PROBLEM,
	"task":     canonicalv1.TicketType_TICKET_TYPE_TASK,
}

var channels = choices[canonicalv1.TicketChannel]{
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

// read gives a value's meaning, or its text where it has none that we know.
func (c choices[E]) read(r *reading, field, name string) (value *E, raw *string) {
	if name == "" {
		return nil, nil
	}
	is, ok := c[strings.ToLower(name)]
	if !ok {
		r.unknown(field + "=" + name)
		raw = &name
	}
	return &is, raw
}

// write sets a value by its name; a record without one clears it.
func (c choices[E]) write(fields map[string]any, field string, value E, raw string) string {
	if value == 0 && raw == "" {
		fields[field] = nil
		return ""
	}
	for name, is := range c {
		if is == value {
			fields[field] = name
			return ""
		}
	}
	return "Zendesk has no such " + field
}

func readStatus(r *reading, t *canonicalv1.Ticket) {
	t.Status, t.StatusRaw = statuses.read(r, "status", r.text("status"))
}

// writeStatus writes no status that Zendesk does not take from us. Whether an update may say new is decided when the
// ticket is read.
func writeStatus(t *canonicalv1.Ticket, fields map[string]any) string {
	status := t.GetStatus()
	switch status {
	case canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED:
		return "a ticket always has a status, and Zendesk has none of that name"
	case canonicalv1.TicketStatus_TICKET_STATUS_DELETED:
		return "tickets are deleted, not given a status"
	case canonicalv1.TicketStatus_TICKET_STATUS_CLOSED:
		status = canonicalv1.TicketStatus_TICKET_STATUS_SOLVED
	}
	return statuses.write(fields, "status", status, "")
}

func readPriority(r *reading, t *canonicalv1.Ticket) {
	t.Priority, t.PriorityRaw = priorities.read(r, "priority", r.text("priority"))
}

func writePriority(t *canonicalv1.Ticket, fields map[string]any) string {
	return priorities.write(fields, "priority", t.GetPriority(), t.GetPriorityRaw())
}

func readType(r *reading, t *canonicalv1.Ticket) {
	t.Type, t.TypeRaw = types.read(r, "type", r.text("type"))
}

func writeType(t *canonicalv1.Ticket, fields map[string]any) string {
	return types.write(fields, "type", t.GetType(), t.GetTypeRaw())
}

func readChannel(r *reading, t *canonicalv1.Ticket) {
	var via struct {
		Channel json.RawMessage `json:"channel"`
	}
	_ = json.Unmarshal(r.object.fields["via"], &via) // what is no object says nothing
	t.Channel, t.ChannelRaw = channels.read(r, "via.channel", text(via.Channel))
}
