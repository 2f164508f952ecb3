package salesforce

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type matter = canonicalv1.Ticket

// cases is the mapping of cases, one row an attribute.
func (o *org) cases() *kind {
	requester := "ContactId"
	if o.byAccount {
		requester = "AccountId"
	}
	return &kind{sobject: "Case", refers: "requester", Kind: mapping.Kind{
		Name: ticket, Message: func() proto.Message { return &matter{} },
		Rows: []mapping.Row{
			mapping.Plain("number", "CaseNumber").ReadOnly(),
			mapping.Plain("subject", "Subject"),
			text("description", "Description"),
			link("requester", requester),
			owner("assignee", userPrefix),
			owner("group", queuePrefix),
			mapping.Of("status", []string{"Status", "IsClosed"}, o.readStatus, o.writeStatus).Required("a case always has a status").
				Losing("Written as the first label that the option names for it. Without one, solved is written as closed, and pending and on hold as open."),
			o.priorities.row("priority", "Priority").Losing("Without a label of its own, urgent is written as high."),
			o.types.row("type", "Type"),
			o.channels.row("channel", "Origin"),
			mapping.Time("open_time", "CreatedDate", moment),
			mapping.Time("solve_time", "ClosedDate", moment),
		},
	}}
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

// readStatus trusts IsClosed, which Salesforce keeps for each label, before what the label is called.
func (o *org) readStatus(r *mapping.Reading, t *matter) {
	label, words := r.Text("Status"), o.statuses.means
	status := words[strings.ToLower(label)]
	ended := status == canonicalv1.TicketStatus_TICKET_STATUS_SOLVED || status == canonicalv1.TicketStatus_TICKET_STATUS_CLOSED
	switch closed := r.Text("IsClosed") == "true"; {
	case closed && !ended && label != "":
		t.Status = canonicalv1.TicketStatus_TICKET_STATUS_CLOSED.Enum()
		return
	case ended && !closed:
		words = nil // the label does not mean here what it is said to mean
	}
	words.Say(r, t, "Status", label)
}

func (o *org) writeStatus(t *matter, w mapping.Fields) string {
	if t.GetStatus() == canonicalv1.TicketStatus_TICKET_STATUS_DELETED {
		return "cases are deleted, not given a status"
	}
	return o.statuses.write(w, "Status", t.GetStatus(), t.GetStatusRaw())
}
