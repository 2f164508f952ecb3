package zendesk

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// identity is one of a user's addresses.
type identity struct {
	ID      json.RawMessage `json:"id"`
	Type    string          `json:"type"`
	Value   string          `json:"value"`
	Primary bool            `json:"primary"`
}

// setEmail makes an address the user's primary one, and does nothing where it is. It says whether it wrote.
func (a *api) setEmail(ctx context.Context, op, id, address string, paths []string) (bool, error) {
	path := users.path(id) + "/identities"
	r, err := a.read(ctx, op, path, nil)
	if err != nil {
		return false, err
	}
	var answer struct {
		Identities []identity `json:"identities"`
	}
	if json.Unmarshal(r.Body, &answer) != nil || answer.Identities == nil {
		return false, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no list of Zendesk's"}
	}
	call, value := change(path, address, answer.Identities)
	if call.Method == "" {
		return false, nil
	}
	if _, err := a.write(ctx, op, call, map[string]any{"identity": value}, paths); err != nil {
		return false, err
	}
	return true, nil
}

// change is the call that makes an address the primary one: it has the place already, it gets it, it takes the place of
// the one that has it, or it is the first.
func change(path, address string, all []identity) (call httpapi.Request, value map[string]any) {
	primary := ""
	for _, i := range all {
		id := mapping.Text(i.ID)
		switch {
		case i.Type != "email" || !mapping.IsNumber(id):
		case i.Primary && strings.EqualFold(i.Value, address):
			return httpapi.Request{}, nil
		case strings.EqualFold(i.Value, address):
			return httpapi.Request{Method: http.MethodPut, Path: path + "/" + id + "/make_primary"}, nil
		case i.Primary:
			primary = id
		}
	}
	if primary == "" {
		return httpapi.Request{Method: http.MethodPost, Path: path}, map[string]any{"type": "email", "value": address, "skip_verify_email": true}
	}
	return httpapi.Request{Method: http.MethodPut, Path: path + "/" + primary}, map[string]any{"value": address}
}
