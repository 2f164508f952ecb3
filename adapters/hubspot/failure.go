package hubspot

import (
	"cmp"
	"net/http"
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

// reasons say a code in words.
var reasons = map[string]string{
	"INVALID_EMAIL":   "HubSpot does not take it for an e-mail address",
	"INVALID_OPTION":  "it is none of the account's options",
	taken:             "another one has it",
	noProperty:        "the account has no such property",
	"READ_ONLY_VALUE": "the property is read-only",
}

func reason(code string) string {
	if text, ok := reasons[code]; ok {
		return text
	}
	return "HubSpot refuses it: " + code
}

// refuse adds to a fault which of the attributes being written HubSpot did not take, and what else is wrong.
func (t task) refuse(f *fault.Error, p problem) {
	if p.noRecordID() {
		f.Message = "the account has no unique " + t.kind.one + " property " + recordIDProperty +
			"; make it with POST /crm/properties/2026-03/" + t.kind.many + " and hasUniqueValue true"
		return
	}
	for _, r := range p.refusals() {
		if why := reason(r.Code); !t.kind.Refuse(f, r.Property, why, t.paths) {
			f.Message = strings.TrimPrefix(f.Message+"; property "+r.Property+": "+why, "; ")
		}
	}
}
