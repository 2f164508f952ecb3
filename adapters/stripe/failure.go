package stripe

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// What a code and a parameter's name look like. Anything else could be a value, or a key.
var (
	word      = regexp.MustCompile(`^[a-z]+(_[a-z]+){0,8}$`)
	parameter = regexp.MustCompile(`^[a-z_]{1,40}(\[[a-z0-9_]{1,40}\]){0,3}$`)
)

// failure judges an answer that is no success, by https://docs.stripe.com/error-low-level and the header by which Stripe
// overrules: Stripe-Should-Retry.
func failure(op string, r httpapi.Response) *fault.Error {
	var body struct {
		Error struct {
			Type  string `json:"type"`
			Code  string `json:"code"`
			Param string `json:"param"`
		} `json:"error"`
	}
	_ = json.Unmarshal(r.Body, &body) // an answer that is not Stripe's is judged by its status
	e := body.Error
	f := httpapi.Fault(op, r)
	if f.Code = e.Code; f.Code == "" {
		f.Code = e.Type
	}
	if !word.MatchString(f.Code) {
		f.Code = ""
	}
	if parameter.MatchString(e.Param) {
		f.Message = "Stripe refuses the parameter " + e.Param
	}
	switch {
	case replayed(r) && r.Status >= 500:
		// Stripe saves what a key's first send came to, a 5xx, too: only another key can do it.
		f.Category, f.MaybeDone = fault.Conflict, false
	case e.Code == "lock_timeout":
		f.Category, f.RetryAfter = fault.Throttle, time.Second // another call works on the same object
	case e.Code == "idempotency_key_in_use":
		f.Category, f.MaybeDone = fault.Transient, true // our own earlier send still runs
	case e.Type == "idempotency_error":
		f.Category = fault.Conflict
	case r.Status == http.StatusConflict:
		f.Category = fault.Transient
	case r.Header.Get("Stripe-Should-Retry") == "true" && f.Category == fault.Permanent:
		f.Category = fault.Transient
	case r.Header.Get("Stripe-Should-Retry") == "false" && f.Category == fault.Transient:
		f.Category = fault.Permanent
	}
	if path := pathOf(e.Param); f.Category == fault.Permanent && path != "" {
		f.Refuse(path, "Stripe does not take it"+because(f.Code))
	}
	return f
}

// replayed says that an answer is the saved one of an earlier send (https://docs.stripe.com/api/idempotent_requests).
func replayed(r httpapi.Response) bool { return r.Header.Get("Idempotent-Replayed") == "true" }

func because(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}

// pathOf is the attribute that a parameter was made of; empty for none, and for a parameter of our own.
func pathOf(param string) string {
	if key, ok := strings.CutPrefix(param, "metadata["); ok {
		if key = strings.TrimSuffix(key, "]"); key != recordIDKey {
			return "custom." + key
		}
		return ""
	}
	for _, k := range kinds {
		for _, row := range k.Rows {
			if row.Write != nil && row.Fields[0] == param {
				return row.Path
			}
		}
	}
	return ""
}
