package hubspot

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// options are a connection's own. Tickets are carried where it has any for them, be it none in particular.
type options struct {
	// TimeZone is the account's, as in Europe/Berlin.
	TimeZone string         `json:"time_zone"`
	Tickets  *ticketOptions `json:"tickets"`
}

// ticketOptions say what the stages of the account's pipeline mean.
type ticketOptions struct {
	// Pipeline is the id of the one in which tickets are made; HubSpot's own where it is missing.
	Pipeline value `json:"pipeline"`
	// Stages are what stages mean, by their ids; they may be those of other pipelines, too.
	Stages map[string]string `json:"stages"`
	// Enter says which stage a ticket is moved to, by status, where several stages of the pipeline mean it.
	Enter map[string]value `json:"enter"`
}

// HubSpot's own pipeline, and its stages: new, waiting on contact, waiting on us, closed. A closed ticket can be opened
// again.
const ownPipeline = "0"

var ownStages = map[string]string{"1": "new", "2": "pending", "3": "open", "4": "solved"}

// words are the statuses that a stage can mean, as options write them.
var words = map[string]canonicalv1.TicketStatus{
	"new": canonicalv1.TicketStatus_TICKET_STATUS_NEW, "open": canonicalv1.TicketStatus_TICKET_STATUS_OPEN,
	"pending": canonicalv1.TicketStatus_TICKET_STATUS_PENDING, "on_hold": canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD,
	"solved": canonicalv1.TicketStatus_TICKET_STATUS_SOLVED, "closed": canonicalv1.TicketStatus_TICKET_STATUS_CLOSED,
}

// pipeline is what options say of stages, once it is judged.
type pipeline struct {
	id string
	// means has the status of each stage.
	means map[string]canonicalv1.TicketStatus
	// enters has the stage of each status.
	enters map[canonicalv1.TicketStatus]string
}

// carried are the kinds of a connection, and when its days end. The error has every mistake in its options.
func carried(s adapters.Settings) (kinds, days, error) {
	var o options
	if err := s.DecodeOptions(&o); err != nil {
		return nil, days{}, err
	}
	d, mistaken := daysIn(o.TimeZone)
	if o.Tickets == nil {
		return kinds{contacts()}, d, mistaken
	}
	p, err := o.Tickets.judge()
	if err := errors.Join(mistaken, err); err != nil {
		return nil, d, err
	}
	return kinds{contacts(), tickets(p)}, d, nil
}

// identifier is what an id of a pipeline or of a stage looks like.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// judge reads the options.
func (o *ticketOptions) judge() (pipeline, error) {
	var errs []error
	wrong := func(reason string, at ...string) {
		errs = append(errs, &adapters.Mistake{At: append([]string{"tickets"}, at...), Reason: reason})
	}
	p := pipeline{id: cmp.Or(string(o.Pipeline), ownPipeline),
		means: map[string]canonicalv1.TicketStatus{}, enters: map[canonicalv1.TicketStatus]string{}}
	if !identifier.MatchString(p.id) {
		wrong("it is no pipeline's id; GET /crm/pipelines/2026-03/tickets lists them", "pipeline")
	}
	stages := o.Stages
	if stages == nil && p.id == ownPipeline {
		stages = ownStages
	}
	if len(stages) == 0 {
		wrong(`say what the pipeline's stages mean, by id: "1": new; GET /crm/pipelines/2026-03/tickets lists them, and whether they are open or closed`, "stages")
	}
	for id, word := range stages {
		status, ok := words[word]
		switch {
		case !identifier.MatchString(id):
			wrong("it is no stage's id", "stages", id)
		case !ok:
			wrong(fmt.Sprintf("%.40q is none of %s", word, allWords()), "stages", id)
		default:
			p.means[id] = status
		}
	}
	for word := range o.Enter {
		if words[word] == 0 {
			wrong("it is none of "+allWords(), "enter", word)
		}
	}
	for word, status := range words {
		p.enter(word, status, o.Enter, wrong)
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return p, errors.Join(errs...)
}

// enter finds the stage of a status.
func (p *pipeline) enter(word string, status canonicalv1.TicketStatus, told map[string]value, wrong func(string, ...string)) {
	var ids []string
	for id, means := range p.means {
		if means == status {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	id, chosen := told[word]
	switch {
	case chosen && p.means[string(id)] != status:
		wrong(fmt.Sprintf("the stage is none of those under stages that are %s", word), "enter", word)
	case chosen:
		p.enters[status] = string(id)
	case len(ids) > 1:
		wrong(fmt.Sprintf("the stages %s are all %s: say which of them a ticket is moved to, as %s: %q", strings.Join(ids, ", "), word, word, ids[0]), "enter", word)
	case len(ids) == 1:
		p.enters[status] = ids[0]
	}
}

func allWords() string { return strings.Join(slices.Sorted(maps.Keys(words)), ", ") }
