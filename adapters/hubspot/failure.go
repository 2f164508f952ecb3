package hubspot

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// statusMoving is HubSpot's own: the account is being moved between data centres, for hours.
const statusMoving = 477

// Waits where HubSpot promises no Retry-After.
const (
	lockedWait = 2 * time.Second
	movingWait = 10 * time.Minute
	burstWait  = 10 * time.Second
	searchWait = time.Second
	dayWait    = time.Hour
)

// failure is the fault of an answer that is no success. rest is what is left of the day; 0 where that is unknown.
func (t task) failure(r httpapi.Response, rest time.Duration) *fault.Error {
	f, p := httpapi.Fault(t.op, r), parse(r.Body)
	switch {
	case f.Category == fault.Gone && p.Status != "error":
		// A page of some proxy, or of an API version that ended, is no news of an object.
		f.Category, f.Code, f.Message = fault.Transient, p.code(), "the answer is not HubSpot's word on an object"
		return f
	case r.Status == http.StatusLocked: // too much of one kind at once
		throttle(f, lockedWait)
	case r.Status == statusMoving:
		throttle(f, movingWait)
	}
	return t.judged(f, p, rest)
}

// itemCategories are the categories of failures of one input of a batch, which has no status of its own.
var itemCategories = map[string]fault.Category{
	"VALIDATION_ERROR": fault.Permanent, missingScopes: fault.Permanent, "CONFLICT": fault.Conflict, "OBJECT_ALREADY_EXISTS": fault.Conflict,
	"OBJECT_NOT_FOUND": fault.Gone,
}

// itemFailure is the fault of one input of a batch.
func (t task) itemFailure(p problem) *fault.Error {
	return t.judged(&fault.Error{Category: cmp.Or(itemCategories[p.Category], fault.Transient), Op: t.op}, p, 0)
}

// judged adds to a fault what HubSpot says of it.
func (t task) judged(f *fault.Error, p problem, rest time.Duration) *fault.Error {
	f.Code, f.Message = p.code(), p.reference()
	switch {
	case f.Category == fault.Throttle || p.Category == "RATE_LIMITS":
		throttle(f, burst(p.PolicyName, rest))
		f.Narrow = p.PolicyName == "SECONDLY" // that of searches, which only pulls make
	case p.Category == "INVALID_AUTHENTICATION" || p.Category == "EXPIRED_AUTHENTICATION":
		f.Category = fault.Auth // also under a status that is not 401
	case p.Category == missingScopes:
		f.Message = "the token lacks a scope; " + f.Message
	case f.Category == fault.Permanent:
		t.refuse(f, p)
	}
	return f
}

// missingScopes is HubSpot's category of a call that the token may not make.
const missingScopes = "MISSING_SCOPES"

// throttle makes a fault a wait: what HubSpot asks for, else what is usual. Nothing was done.
func throttle(f *fault.Error, wait time.Duration) {
	f.Category, f.MaybeDone = fault.Throttle, false
	if f.RetryAfter == 0 {
		f.RetryAfter = wait
	}
}

// burst is how long a limit lasts, on a day of which rest is left. Where that is unknown it is tried again every hour: waiting
// for the midnight of another time zone would come too early, and the next one most of a day too late.
func burst(policy string, rest time.Duration) time.Duration {
	switch policy {
	case "SECONDLY":
		return searchWait
	case "DAILY":
		return cmp.Or(rest, dayWait)
	}
	return burstWait
}

// problem is HubSpot's error. Every field may be missing, and some have several shapes.
type problem struct {
	Status        string   `json:"status"`
	Message       string   `json:"message"`
	Category      string   `json:"category"`
	CorrelationID string   `json:"correlationId"`
	PolicyName    string   `json:"policyName"`
	Errors        []detail `json:"errors"`
}

// detail is one cause among several.
type detail struct {
	Code    string          `json:"code"`
	Context json.RawMessage `json:"context"`
}

// parse reads as much of an error as there is.
func parse(body []byte) problem {
	var p problem
	_ = json.Unmarshal(body, &p) // what could be read before a field of another shape is kept
	return p
}

var (
	// reference is what a correlation id looks like.
	reference = regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`)
	// existing is how HubSpot names the object that is in the way.
	existing = regexp.MustCompile(`Existing ID: ([0-9]{1,20})`)
)

func (p problem) code() string {
	if refusals := p.refusals(); len(refusals) > 0 {
		return refusals[0].Code
	}
	if fault.IsWord(p.Category) {
		return p.Category
	}
	return ""
}

// reference is what HubSpot's support asks for.
func (p problem) reference() string {
	if !reference.MatchString(p.CorrelationID) {
		return ""
	}
	return "correlation id " + p.CorrelationID
}

// existingID is the object that has what was to be unique, as far as it is told.
func (p problem) existingID() string {
	if m := existing.FindStringSubmatch(p.Message); m != nil {
		return m[1]
	}
	return ""
}

// emailTaken says that a write failed because another contact has its e-mail address.
func (p problem) emailTaken() bool {
	return p.existingID() != "" || p.Category == "OBJECT_ALREADY_EXISTS" ||
		slices.Contains(p.refusals(), refusal{Property: "email", Code: "CONFLICTING_UNIQUE_VALUE"})
}

// recordTaken says that a create failed because there is an object with our record's id.
func (p problem) recordTaken() bool {
	return slices.Contains(p.refusals(), refusal{Property: recordIDProperty, Code: "CONFLICTING_UNIQUE_VALUE"})
}

// noRecordID says that the account lacks the unique property that our ids go to.
func (p problem) noRecordID() bool {
	return slices.Contains(p.refusals(), refusal{Property: recordIDProperty, Code: "PROPERTY_DOESNT_EXIST"}) ||
		strings.Contains(p.Message, "non-unique") && strings.Contains(p.Message, recordIDProperty)
}
