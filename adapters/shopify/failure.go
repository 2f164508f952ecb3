package shopify

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Statuses of Shopify's own.
const (
	statusFrozen  = http.StatusPaymentRequired // the shop does not pay
	statusLocked  = http.StatusLocked          // the shop is locked
	statusSuspect = 430                        // the calls look like an attack
)

// suspectWait is for a block that does not say how long it lasts.
const suspectWait = time.Minute

// failure is the fault of an answer that is no success.
func failure(op string, r httpapi.Response) *fault.Error {
	f := httpapi.Fault(op, r)
	f.Message = requestOf(r)
	switch r.Status {
	case statusFrozen, statusLocked:
		f.Category, f.Message = fault.Auth, "the shop is frozen or locked; its owner must see to it"
	case statusSuspect:
		f.Category = fault.Throttle
		if f.RetryAfter == 0 {
			f.RetryAfter = suspectWait
		}
	case http.StatusNotFound, http.StatusGone:
		// Objects are not told apart by addresses: this is no news of one.
		f.Category, f.Message = fault.Transient, "there is no Admin API of this version at the base URL"
	}
	return f
}

// problem is one of an answer's errors.
type problem struct {
	Message    string `json:"message"`
	Extensions struct {
		Code value `json:"code"`
	} `json:"extensions"`
}

// failed is the fault of an answer with errors. The first code that is known counts.
func failed(op string, r httpapi.Response, errors json.RawMessage) *fault.Error {
	f := &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, MaybeDone: true, Message: requestOf(r)}
	var all []problem
	if json.Unmarshal(errors, &all) != nil || len(all) == 0 {
		return f
	}
	i := max(0, slices.IndexFunc(all, func(p problem) bool { return p.Extensions.Code != "" }))
	p := all[i]
	if fault.IsWord(string(p.Extensions.Code)) {
		f.Code = string(p.Extensions.Code)
	}
	switch f.Code {
	case "", "INTERNAL_SERVER_ERROR", "TIMEOUT":
		return f
	case "THROTTLED":
		f.Category, f.RetryAfter = fault.Throttle, costOf(r).wait()
	case "SHOP_INACTIVE":
		f.Category, f.Message = fault.Auth, "the shop is not active; its owner must see to it"
	case "RESOURCE_NOT_FOUND":
		f = missing(op)
	default:
		f.Category = fault.Permanent
		p.explain(f)
	}
	f.MaybeDone = false
	return f
}

// explain says what is known of a permanent failure's cause.
func (p problem) explain(f *fault.Error) {
	switch {
	case f.Code == "ACCESS_DENIED":
		f.Message = strings.TrimSuffix("the token lacks a scope, or the app the right to customers' data; "+f.Message, "; ")
	case strings.Contains(p.Message, "etafield definition"):
		f.Message = "the shop has no metafield definition " + namespace + "." + recordKey +
			" of type id for customers; make it with metafieldDefinitionCreate"
	}
}

// requestID is what Shopify's ids of requests look like.
var requestID = regexp.MustCompile(`^[0-9A-Za-z-]{8,64}$`)

// requestOf is what Shopify's support asks for.
func requestOf(r httpapi.Response) string {
	id := r.Header.Get("X-Request-Id")
	if !requestID.MatchString(id) {
		return ""
	}
	return "request id " + id
}
