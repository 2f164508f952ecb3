package salesforce

import (
	"strings"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type matter = canonicalv1.Ticket

// cases is the mapping of cases, one row an attribute.
func (o *org) cases() *kind {
	requester := "ContactId"
	if o.byAccount {
		requester = "AccountId"
	}
	return &kind{
		name: ticket, sobject: "Case", message: func() proto.Message { return &matter{} }, page: maxPage, merges: true, archives: true,
		rows: []row{
			plain("number", "CaseNumber", (*matter).GetNumber, func(t *matter, v string) { t.Number = &v }).readOnly(),
			plain("subject", "Subject", (*matter).GetSubject, func(t *matter, v string) { t.Subject = &v }),
			plain("description", "Description", (*matter).GetDescription, func(t *matter, v string) { v = lines(v); t.Description = &v }),
			mapped("requester", []string{requester}, func(r *reading, t *matter) { t.Requester = r.reference(requester) },
				func(t *matter, fields map[string]any) string {
					return writeReference(t.GetRequester(), requester, fields)
				}).referring(),
			mapped("assignee", []string{"OwnerId", "Owner.Name"}, func(r *reading, t *matter) { t.Assignee = ownedBy(r, userPrefix) }, nil),
			mapped("group", []string{"OwnerId", "Owner.Name"}, func(r *reading, t *matter) { t.Group = ownedBy(r, queuePrefix) }, nil),
			mapped("status", []string{"Status", "IsClosed"}, o.readStatus, o.writeStatus).required("a case always has a status").
				losing("Written as the first label that the option names for it. Without one, solved is written as closed, and pending and on hold as open."),
			mapped("priority", []string{"Priority"}, func(r *reading, t *matter) { t.Priority, t.PriorityRaw = o.priorities.read(r, "Priority") },
				func(t *matter, fields map[string]any) string {
					return o.priorities.write(fields, "Priority", t.GetPriority(), t.GetPriorityRaw(), calmer)
				}).losing("Without a label of its own, urgent is written as high."),
			mapped("type", []string{"Type"}, func(r *reading, t *matter) { t.Type, t.TypeRaw = o.types.read(r, "Type") },
				func(t *matter, fields map[string]any) string {
					return o.types.write(fields, "Type", t.GetType(), t.GetTypeRaw(), nil)
				}),
			mapped("channel", []string{"Origin"}, func(r *reading, t *matter) { t.Channel, t.ChannelRaw = o.channels.read(r, "Origin") },
				func(t *matter, fields map[string]any) string {
					return o.channels.write(fields, "Origin", t.GetChannel(), t.GetChannelRaw(), nil)
				}),
			mapped("open_time", []string{"CreatedDate"}, func(r *reading, t *matter) { t.OpenTime = r.time("CreatedDate") }, nil),
			mapped("solve_time", []string{"ClosedDate"}, func(r *reading, t *matter) { t.SolveTime = r.time("ClosedDate") }, nil),
		},
		complete: func(map[string]any) string { return "" },
	}
}

// What ids of users and of queues begin with.
const (
	userPrefix  = "005"
	queuePrefix = "00G"
)

// ownedBy is a case's owner, where that is of one sort.
func ownedBy(r *reading, prefix string) *canonicalv1.Agent {
	if !strings.HasPrefix(r.text("OwnerId"), prefix) {
		return nil
	}
	return r.agent("OwnerId", "Owner.Name")
}

// writeReference sets the id of another object of this org, or clears it.
func writeReference(to *canonicalv1.Reference, field string, fields map[string]any) string {
	id := to.GetExternal().GetExternalId()
	if id != "" && !isWord(id) {
		return "it is no id of Salesforce's"
	}
	fields[field] = null(id)
	return ""
}

// What a value without a label is written as.
var (
	nearest = map[canonicalv1.TicketStatus]canonicalv1.TicketStatus{
		canonicalv1.TicketStatus_TICKET_STATUS_SOLVED:  canonicalv1.TicketStatus_TICKET_STATUS_CLOSED,
		canonicalv1.TicketStatus_TICKET_STATUS_PENDING: canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
		canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD: canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
	}
	calmer = map[canonicalv1.TicketPriority]canonicalv1.TicketPriority{
		canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT: canonicalv1.TicketPriority_TICKET_PRIORITY_HIGH,
	}
)

func ended(s canonicalv1.TicketStatus) bool {
	return s == canonicalv1.TicketStatus_TICKET_STATUS_SOLVED || s == canonicalv1.TicketStatus_TICKET_STATUS_CLOSED
}

// readStatus trusts IsClosed, which Salesforce keeps for each label, before what the label is called.
func (o *org) readStatus(r *reading, t *matter) {
	label := r.text("Status")
	if label == "" {
		return
	}
	status, known := o.statuses.means[strings.ToLower(label)]
	closed := r.text("IsClosed") == "true"
	switch {
	case closed && !ended(status):
		t.Status = canonicalv1.TicketStatus_TICKET_STATUS_CLOSED.Enum()
	case !known || !closed && ended(status):
		t.Status, t.StatusRaw = unknownLabel[canonicalv1.TicketStatus](r, "Status", label)
	default:
		t.Status = &status
	}
}

func (o *org) writeStatus(t *matter, fields map[string]any) string {
	if t.GetStatus() == canonicalv1.TicketStatus_TICKET_STATUS_DELETED {
		return "cases are deleted, not given a status"
	}
	return o.statuses.write(fields, "Status", t.GetStatus(), t.GetStatusRaw(), nearest)
}
