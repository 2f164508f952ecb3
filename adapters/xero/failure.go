package xero

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// waits are how long a 429 without Retry-After lasts, by what it says was used up.
var waits = map[string]time.Duration{"concurrent": time.Second, "minute": time.Minute, "appminute": time.Minute, "day": time.Hour}

// absent is what Xero says of an object that is not there, when it says anything.
const absent = "The resource you're looking for cannot be found"

// failure is the fault of an answer that is no success.
func failure(op string, r httpapi.Response) *fault.Error {
	f := httpapi.Fault(op, r)
	p := parse(r.Body, nil)
	f.Code = p.code()
	switch {
	case r.Status == http.StatusTooManyRequests:
		f.Code = used(r.Header.Get("X-Rate-Limit-Problem"))
		if f.RetryAfter == 0 {
			f.RetryAfter = waits["minute"]
			if wait, ok := waits[f.Code]; ok {
				f.RetryAfter = wait
			}
		}
	case r.Status == http.StatusForbidden && strings.HasPrefix(f.Code, "Auth"):
		f.Category, f.Message = fault.Auth, "Xero does not let this app into the organisation: is it still connected, and is the tenant_id its own?"
	case r.Status == http.StatusUnauthorized && f.Code == "AuthorizationUnsuccessful":
		f.Message = "the grant lacks a scope"
	case f.Category == fault.Gone && !strings.Contains(string(r.Body), absent) && r.Header.Get(counts[0].header) == "":
		// Xero's answer may be empty, but tells what is left of the limits. Any other is a page of some proxy.
		f.Category, f.Message = fault.Transient, "the answer is not Xero's word on an object"
	}
	return f
}

// used is which limit was used up, in Xero's word: minute, day, concurrent, appminute.
func used(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if text = strings.TrimSpace(strings.TrimSuffix(text, "limit")); fault.IsWord(text) {
		return text
	}
	return ""
}

// problem is Xero's error: one of a call, or of the objects in it, which may stand in an answer with status 200.
type problem struct {
	Type     json.RawMessage
	Detail   json.RawMessage
	Elements []element
}

// element is an object as it was sent, with what is wrong with it.
type element struct {
	HasErrors             bool
	HasValidationErrors   bool
	StatusAttributeString string
	ValidationErrors      []struct{ Message, Description string }
}

// parse reads as much of an error as there is. In a success the objects are where a kind's are.
func parse(body []byte, k *kind) problem {
	var p problem
	_ = json.Unmarshal(body, &p) // what could be read before a part of another shape is kept
	if k != nil {
		for _, raw := range k.list(body) {
			var e element
			_ = json.Unmarshal(raw, &e) // likewise
			p.Elements = append(p.Elements, e)
		}
	}
	return p
}

// titled is a code with words behind it.
var titled = regexp.MustCompile(`^([A-Z][a-z]+[A-Z][A-Za-z]{1,60}): `)

func (p problem) code() string {
	for _, code := range []string{mapping.Text(p.Detail), mapping.Text(p.Type)} {
		if parts := titled.FindStringSubmatch(code); parts != nil {
			return parts[1]
		}
		if fault.IsWord(code) {
			return code
		}
	}
	return ""
}

// failed says that an object was not written.
func (p problem) failed() bool {
	for _, e := range p.Elements {
		if e.HasErrors || e.HasValidationErrors || len(e.ValidationErrors) > 0 || e.StatusAttributeString == "ERROR" {
			return true
		}
	}
	return false
}

// complaints are Xero's words on what is wrong, in lower case. They quote values, and are told to nobody.
func (p problem) complaints() []string {
	var out []string
	for _, e := range p.Elements {
		for _, v := range e.ValidationErrors {
			out = append(out, strings.ToLower(v.Message+v.Description))
		}
	}
	return out
}
