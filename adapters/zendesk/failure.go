package zendesk

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// exported is how Zendesk says that it is the exports' own limit that is used up.
var exported = regexp.MustCompile(`(?i)^Number of allowed incremental\b.* export\b`)

// throttled is how long a 429 without Retry-After lasts: limits are by the minute.
const throttled = time.Minute

// failure is the fault of an answer that is no success. paths are the attributes that were being written.
func failure(op string, r httpapi.Response, paths []string) *fault.Error {
	f := httpapi.Fault(op, r)
	p := parse(r.Body)
	f.Code = p.code()
	switch {
	case r.Status == http.StatusTooManyRequests:
		if f.RetryAfter == 0 {
			f.RetryAfter = throttled
		}
		f.Narrow = exported.MatchString(mapping.Text(p.Description))
	case f.Category == fault.Gone && f.Code != "RecordNotFound":
		// A page of some proxy, or an address that Zendesk does not know, is no news of an object.
		f.Category, f.Message = fault.Transient, "the answer is not Zendesk's word on an object"
	case f.Category == fault.Permanent:
		p.refuse(f, paths)
	}
	return f
}

// problem is Zendesk's error, whose parts have several shapes.
type problem struct {
	Error       json.RawMessage            `json:"error"`
	Description json.RawMessage            `json:"description"`
	Details     map[string]json.RawMessage `json:"details"`
}

// detail is one thing that is wrong with a field.
type detail struct {
	Error       string `json:"error"`
	Description string `json:"description"`
}

// parse reads as much of an error as there is.
func parse(body []byte) problem {
	var p problem
	_ = json.Unmarshal(body, &p) // what could be read before a part of another shape is kept
	return p
}

func (p problem) code() string {
	var titled struct {
		Title string `json:"title"`
	}
	_ = json.Unmarshal(p.Error, &titled) // where it is a text, there is no title
	for _, code := range []string{mapping.Text(p.Error), titled.Title} {
		if fault.IsWord(code) {
			return code
		}
	}
	return ""
}

// of is what is wrong with a field.
func (p problem) of(field string) []detail {
	var details []detail
	_ = json.Unmarshal(p.Details[field], &details) // another shape tells no more than that there is something
	return details
}

// taken says that another object has a value that belongs to one.
func (p problem) taken(field string) bool {
	return slices.ContainsFunc(p.of(field), func(d detail) bool { return d.Error == "DuplicateValue" })
}

// closed says that a ticket takes no change any more. Zendesk tells it in words, and by a code in newer answers.
func (p problem) closed() bool {
	return slices.ContainsFunc(append(p.of("status"), p.of("base")...), func(d detail) bool {
		return d.Error == "ClosedTicket" || strings.Contains(d.Description, "closed prevents ticket update")
	})
}

// holders are the attributes that Zendesk's fields hold, by the names that its errors have for them.
var holders = map[string]string{
	"subject": "subject", "description": "description", "comment": "description", "requester": "requester", "requester_id": "requester",
	"status": "status", "custom_status_id": "status", "priority": "priority", "type": "type", "ticket_type": "type", "tags": "tags",
	"name": "name", "email": "email", "value": "email", "phone": "phone", "locale": "locale", "locale_id": "locale", "notes": "note",
}

// reasons say a code in words.
var reasons = map[string]string{
	"BlankValue":     "it may not be empty",
	"DuplicateValue": "another user has it",
	"InvalidValue":   "Zendesk does not take the value",
	"InvalidFormat":  "Zendesk does not take its form",
	"RecordInvalid":  "Zendesk does not take the value",
}

// refuse adds to a fault which of the attributes being written Zendesk did not take, and what else is wrong.
func (p problem) refuse(f *fault.Error, paths []string) {
	if p.closed() {
		for _, path := range paths {
			f.Refuse(path, "the ticket is closed, and takes no change any more")
		}
		return
	}
	var others []string
	for field := range p.Details {
		path, why := holders[field], p.reason(field)
		switch {
		case slices.Contains(paths, path):
			f.Refuse(path, why)
		case fault.IsWord(field):
			others = append(others, field+": "+why)
		}
	}
	slices.Sort(others)
	f.Message = strings.Join(others, "; ")
}

func (p problem) reason(field string) string {
	for _, d := range p.of(field) {
		if why := reasons[d.Error]; why != "" {
			return why
		}
		if fault.IsWord(d.Error) {
			return "Zendesk refuses it: " + d.Error
		}
	}
	return "Zendesk refuses it"
}
