package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// batch is how many rows an answer has at most, and least how few a client may ask for.
const batch, least = 2000, 200

// result is what a query found, of which an answer holds a piece.
type result struct {
	id   string // once there is more than one piece
	t    *table
	q    selection
	rows []*Object
	size int
}

// batchSize reads what a client wants of it: "batchSize=500".
func batchSize(header string) int {
	for _, part := range strings.Split(header, ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(part), "batchSize="); ok {
			if size, err := strconv.Atoi(text); err == nil {
				return min(max(size, least), batch)
			}
		}
	}
	return batch
}

// piece answers some of what was found, and says where the rest is.
func (s *Server) piece(r *result, from int) reply {
	to := min(from+r.size, len(r.rows))
	records := []any{}
	for _, o := range r.rows[from:to] {
		one, refusal := s.show(r.t, o, r.q)
		if refusal != nil {
			return *refusal
		}
		records = append(records, one)
	}
	out := map[string]any{"totalSize": len(r.rows), "done": to == len(r.rows), "records": records}
	if to < len(r.rows) {
		if r.id == "" {
			r.id = fmt.Sprintf("01gD%011dIAW", len(s.results)+1)
			s.results[r.id] = r
		}
		out["nextRecordsUrl"] = fmt.Sprintf("/services/data/v65.0/query/%s-%d", r.id, to)
	}
	return reply{http.StatusOK, out}
}

// goOn answers the next piece of what a query found.
func (s *Server) goOn(locator string) reply {
	id, at, _ := strings.Cut(locator, "-")
	from, err := strconv.Atoi(at)
	r := s.results[id]
	if err != nil || r == nil || from < 0 || from > len(r.rows) {
		return problem(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return s.piece(r, from)
}
