package salesforce

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Waits where Salesforce does not say how long, which it never does.
const (
	// dayWait is for the limit on calls in 24 hours, which gives some back all the time.
	dayWait = 15 * time.Minute
	// longWait is for the limit on calls at the same time that take long.
	longWait = 20 * time.Second
	// edgeWait is for what stands before Salesforce.
	edgeWait = time.Minute
)

// categories are those of codes, where the status does not say it.
var categories = map[string]fault.Category{
	"INVALID_SESSION_ID":          fault.Auth,
	"INVALID_LOGIN":               fault.Auth,
	"API_DISABLED_FOR_ORG":        fault.Auth, // whatever is asked for: the work waits for the permission
	"API_CURRENTLY_DISABLED":      fault.Auth,
	"REQUEST_LIMIT_EXCEEDED":      fault.Throttle,
	"UNABLE_TO_LOCK_ROW":          fault.Transient,
	"SERVER_UNAVAILABLE":          fault.Transient,
	"QUERY_TIMEOUT":               fault.Transient,
	"UNSUPPORTED_API_VERSION":     fault.Transient, // the work waits for somebody to name another
	"ENTITY_IS_DELETED":           fault.Gone,
	"DUPLICATE_VALUE":             fault.Conflict,
	"DUPLICATES_DETECTED":         fault.Conflict,
	"INVALID_CROSS_REFERENCE_KEY": fault.Permanent, // of what a row is to lead to, not of the row
}

// judging makes faults of answers that are no success. paths are the attributes that were being written.
func (a *api) judging(op string, k *kind, paths []string) httpapi.Judge {
	return func(r httpapi.Response) *fault.Error { return a.failure(op, r, k, paths) }
}

// failure is the fault of an answer that is no success. paths are the attributes that were being written.
func (a *api) failure(op string, r httpapi.Response, k *kind, paths []string) *fault.Error {
	f := httpapi.Fault(op, r)
	p := parse(r.Body)
	f.Code = p.code()
	known, is := categories[f.Code]
	switch {
	case r.Status >= http.StatusInternalServerError:
	case is:
		f.Category = known
	case f.Category == fault.Gone:
		// A page of some proxy, a version that is not there, a resource that is not: none is news of a row.
		f.Category, f.Message = fault.Transient, "the answer is not Salesforce's word on a row"
	}
	switch {
	case strings.HasPrefix(f.Code, "API_"):
		f.Message = "the hub's user lacks the permission API Enabled, or the org has no API"
	case r.Status == http.StatusPreconditionFailed:
		f.Message = "it was changed since it was read"
	case f.Category == fault.Throttle && f.RetryAfter == 0:
		f.RetryAfter = p.wait()
	case f.Category == fault.Permanent || f.Category == fault.Conflict:
		p.refuse(f, k, paths)
		a.explain(f, p, k)
	}
	return f
}

// wait is how long a limit lasts.
func (p problem) wait() time.Duration {
	switch {
	case p.code() != "REQUEST_LIMIT_EXCEEDED":
		return edgeWait
	case strings.Contains(p[0].Message, "ConcurrentRequests"):
		return longWait
	}
	return dayWait
}

// explain says what to do about a field that the org does not have, or hides.
func (a *api) explain(f *fault.Error, p problem, k *kind) {
	missing := p.column()
	if f.Code != "INVALID_FIELD" || k == nil || missing == "" {
		return
	}
	for _, asked := range slices.Concat(k.asked, lineFields) {
		if !strings.EqualFold(asked, missing) {
			continue
		}
		f.Message = k.sobject + " has no field " + asked + ", or it is hidden from the hub's user"
		if asked == "CurrencyIsoCode" {
			f.Message = "the org has one currency; name it in the option currency"
		}
		return
	}
}
