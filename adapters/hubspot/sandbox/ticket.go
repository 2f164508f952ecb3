package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Ticket is an Object among the tickets.
type Ticket = Object

var ticketShape = shape{
	one: "ticket", many: "tickets", typeID: "0-5", modified: "hs_lastmodifieddate", shown: []string{"content", "hs_pipeline", "hs_pipeline_stage", "subject"},
	lacks: func(values map[string]string) string {
		if values["hs_pipeline_stage"] == "" {
			return "Error creating TICKET. Some required properties were not set."
		}
		return ""
	},
	follow: closing,
}

// stage is a step of a pipeline.
type stage struct{ id, label, state string }

// defaultPipeline is the one that an account begins with.
const defaultPipeline = "0"

// pipelines are HubSpot's own, and one that the account made.
var pipelines = map[string][]stage{
	defaultPipeline: {
		{"1", "New", "OPEN"}, {"2", "Waiting on contact", "OPEN"}, {"3", "Waiting on us", "OPEN"}, {"4", "Closed", "CLOSED"},
	},
	"770001": {{"880001", "Escalated", "OPEN"}, {"880002", "Settled", "CLOSED"}},
}

// ticketProperties are those that an account begins with.
func ticketProperties(o Options) map[string]property {
	var ids []string
	for _, stages := range pipelines {
		for _, s := range stages {
			ids = append(ids, s.id)
		}
	}
	all := map[string]property{
		"hs_pipeline":        {options: slices.Sorted(maps.Keys(pipelines))},
		"hs_pipeline_stage":  {options: ids},
		"hs_ticket_priority": {options: []string{"LOW", "MEDIUM", "HIGH", "URGENT"}},
		"source_type":        {options: []string{"CHAT", "EMAIL", "FORM", "PHONE"}},
		"hs_ticket_category": {options: []string{"PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY"}},
	}
	for _, name := range []string{"subject", "content", "hubspot_owner_id", "hubspot_team_id", "closed_date", "first_agent_reply_date"} {
		all[name] = property{}
	}
	return withOwn(all, "hs_lastmodifieddate", o)
}

// inPipeline says that the stage to be written is one of the pipeline that the ticket then is in.
func inPipeline(c *Object, values map[string]string) bool {
	pipeline := defaultPipeline
	for _, told := range []string{c.Properties["hs_pipeline"], values["hs_pipeline"]} {
		if told != "" {
			pipeline = told
		}
	}
	id := values["hs_pipeline_stage"]
	return id != "" && slices.ContainsFunc(pipelines[pipeline], func(s stage) bool { return s.id == id })
}

// closing gives a new ticket the default pipeline, and keeps when a ticket was closed.
func closing(c *Object, changed map[string]string, at time.Time) {
	if c.Properties["hs_pipeline"] == "" && changed["hs_pipeline"] == "" {
		changed["hs_pipeline"] = defaultPipeline
	}
	id, moved := changed["hs_pipeline_stage"]
	if !moved {
		return
	}
	closed := false
	for _, stages := range pipelines {
		closed = closed || slices.ContainsFunc(stages, func(s stage) bool { return s.id == id && s.state == "CLOSED" })
	}
	switch was := c.Properties["closed_date"]; {
	case closed && was == "":
		changed["closed_date"] = stamp(at)
	case !closed && was != "":
		changed["closed_date"] = ""
	}
}

// kept is what HubSpot says of each pipeline and stage: the account is as old as they are.
type kept struct {
	ID       string `json:"id"`
	Label    string `json:"label"`
	Order    int    `json:"displayOrder"`
	Created  string `json:"createdAt"`
	Updated  string `json:"updatedAt"`
	Archived bool   `json:"archived"`
}

type wireStage struct {
	kept
	Metadata    map[string]string `json:"metadata"`
	Permissions string            `json:"writePermissions"`
}

type wirePipeline struct {
	kept
	Stages []wireStage `json:"stages"`
}

func pipelineOf(id string, at int) wirePipeline {
	born := stamp(time.Date(2024, 3, 1, 9, 30, 0, 0, time.UTC))
	label := "Support Pipeline"
	if id != defaultPipeline {
		label = "Escalations"
	}
	p := wirePipeline{kept: kept{ID: id, Label: label, Order: at, Created: born, Updated: born}}
	for i, each := range pipelines[id] {
		closed := map[string]string{"ticketState": each.state, "isClosed": strconv.FormatBool(each.state == "CLOSED")}
		p.Stages = append(p.Stages, wireStage{kept{ID: each.id, Label: each.label, Order: i, Created: born, Updated: born}, closed, "CRM_PERMISSIONS_ENFORCEMENT"})
	}
	return p
}

// readPipelines answers what stages there are.
func (s *table) readPipelines(*http.Request) reply {
	all := []wirePipeline{}
	for i, id := range sortedKeys(pipelines) {
		all = append(all, pipelineOf(id, i))
	}
	return reply{http.StatusOK, map[string]any{"results": all}}
}

func (s *table) readPipeline(r *http.Request) reply {
	id := r.PathValue("id")
	if pipelines[id] == nil {
		return s.notFound()
	}
	return reply{http.StatusOK, pipelineOf(id, slices.Index(sortedKeys(pipelines), id))}
}

// Tickets are all tickets that are not archived, oldest first.
func (s *Server) Tickets() []Ticket { return s.tickets.all() }

// Ticket is one ticket, archived ones too.
func (s *Server) Ticket(id string) (Ticket, bool) { return s.tickets.object(id) }

// CreateTicket is what a HubSpot user does on "Create ticket". It returns the new ticket's id.
func (s *Server) CreateTicket(values map[string]string) (string, error) {
	return s.tickets.make(values)
}

// ImportTickets makes tickets as HubSpot's import does: all at one time. It returns their ids.
func (s *Server) ImportTickets(all []map[string]string) ([]string, error) {
	return s.tickets.makeAll(all)
}

// EditTicket is what a HubSpot user does on a ticket's page; an empty value clears.
func (s *Server) EditTicket(id string, values map[string]string) error {
	return s.tickets.edit(id, values)
}

// DeleteTicket moves a ticket to the recycling bin.
func (s *Server) DeleteTicket(id string) error { return s.tickets.delete(id) }

// RestoreTicket takes a ticket out of the recycling bin.
func (s *Server) RestoreTicket(id string) error { return s.tickets.restore(id) }

// MergeTickets joins two tickets into a third with an id of its own, and returns that id. Both old ids lead to it.
func (s *Server) MergeTickets(primary, other string) (string, error) {
	return s.tickets.merge(primary, other)
}
