package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// step is one request of a composite call.
type step struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Name    string            `json:"referenceId"`
	Headers map[string]string `json:"httpHeaders"`
	Body    json.RawMessage   `json:"body"`
}

type steps struct {
	AllOrNone bool   `json:"allOrNone"`
	Steps     []step `json:"compositeRequest"`
}

// composite answers several requests in one. All are done or none, where that is wanted. What one made, the next ones may
// name: @{account.id}.
func (s *Server) composite(in request) reply {
	var all steps
	if err := json.Unmarshal(in.body, &all); err != nil || len(all.Steps) == 0 || len(all.Steps) > 25 {
		return problem(http.StatusBadRequest, "JSON_PARSER_ERROR", "Unexpected end of input")
	}
	var out []any
	s.journal = nil
	failed := -1
	replies := make([]reply, len(all.Steps))
	refer := strings.NewReplacer()
	var known []string
	for i, one := range all.Steps {
		u, err := url.Parse(refer.Replace(one.URL))
		if err != nil || one.Name == "" {
			return problem(http.StatusBadRequest, "JSON_PARSER_ERROR", "Invalid subrequest")
		}
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		replies[i] = s.route(request{method: one.Method, path: u.Path, query: u.Query(), header: header.Get, body: []byte(refer.Replace(string(one.Body)))})
		if made, ok := replies[i].body.(map[string]any); ok && made["id"] != nil {
			known = append(known, "@{"+one.Name+".id}", made["id"].(string))
			refer = strings.NewReplacer(known...)
		}
		if replies[i].status >= http.StatusMultipleChoices && all.AllOrNone {
			failed = i
			break
		}
	}
	if failed >= 0 {
		for i := len(s.journal) - 1; i >= 0; i-- {
			s.journal[i]()
		}
	}
	for i, one := range all.Steps {
		if failed >= 0 && i != failed {
			replies[i] = problem(http.StatusBadRequest, "PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed.")
		}
		out = append(out, map[string]any{"body": replies[i].body, "httpHeaders": map[string]string{}, "httpStatusCode": replies[i].status, "referenceId": one.Name})
	}
	return reply{http.StatusOK, map[string]any{"compositeResponse": out}}
}
