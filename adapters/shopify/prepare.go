package shopify

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// frozen is one attempt: what is written, and which attributes that is.
type frozen struct {
	Paths []string `json:"paths"`
	// Input is of the object itself; null clears.
	Input map[string]any `json:"input"`
	// Address is what changes of the one address.
	Address map[string]any `json:"address"`
	// Email and SMS are decisions on marketing.
	Email map[string]any `json:"email,omitempty"`
	SMS   map[string]any `json:"sms,omitempty"`
}

// set writes a text, or clears it.
func (f *frozen) set(field, text string) string {
	f.Input[field] = null(text)
	return ""
}

// Prepare writes a patch as the inputs of Shopify's mutations. A create leaves out what is empty.
func (s *shop) Prepare(p adapters.Patch) (adapters.Request, error) {
	f := &fault.Error{Category: fault.Permanent, Op: operation(p.Kind, p.ExternalID)}
	k := kindOf(p.Kind)
	switch {
	case k == nil || p.Message == nil:
		f.Message = "only customers and orders are carried"
	case p.ExternalID == "" && !k.carriage.Create:
		f.Message = "it cannot be created"
	case p.ExternalID != "" && !isNumber(string(p.ExternalID)):
		f.Message = "it is no id of Shopify's"
	case len(p.Paths) == 0:
		f.Message = "there is nothing to write"
	}
	if f.Message != "" {
		return adapters.Request{}, f
	}
	out := frozen{Paths: slices.Sorted(slices.Values(p.Paths)), Input: map[string]any{}, Address: map[string]any{}}
	if refused := k.write(p.Message, out.Paths, &out); len(refused) > 0 {
		f.Message, f.Refused = "Shopify cannot hold all of it", refused
		return adapters.Request{}, f
	}
	if p.ExternalID == "" {
		empty := func(_ string, v any) bool { return v == nil }
		maps.DeleteFunc(out.Input, empty)
		maps.DeleteFunc(out.Address, empty)
	}
	body, err := json.Marshal(out)
	if err != nil {
		f.Message = "the patch cannot be written"
		return adapters.Request{}, f
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

func operation(kind adapters.Kind, id adapters.ExternalID) string {
	verb := "update "
	if id == "" {
		verb = "create "
	}
	return strings.TrimSpace(verb + string(kind))
}
