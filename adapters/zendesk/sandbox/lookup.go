package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// found are the objects of a kind that fit, oldest first, as a list answers them.
func (s *Server) found(many string, fits func(*Object) bool) reply {
	list := []map[string]any{}
	for _, id := range sortedKeys(s.tables[many].objects) {
		if o := s.tables[many].objects[id]; fits(o) {
			list = append(list, s.render(many, o))
		}
	}
	return answer(http.StatusOK, map[string]any{many: list, "count": len(list), "next_page": nil, "previous_page": nil})
}

func (s *Server) ticketsByExternalID(r *http.Request) reply {
	id := r.URL.Query().Get("external_id")
	return s.found("tickets", func(o *Object) bool { return !o.Gone && (id == "" || o.Text("external_id") == id) })
}

func (s *Server) usersByExternalID(r *http.Request) reply {
	ids := strings.Split(r.URL.Query().Get("external_ids"), ",")
	return s.found("users", func(o *Object) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return id != "" && strings.EqualFold(o.Text("external_id"), id) })
	})
}

// searchUsers knows `email:"…"`, and the id that another system gave. Deleted users are not found.
func (s *Server) searchUsers(r *http.Request) reply {
	query := r.URL.Query()
	if id := query.Get("external_id"); id != "" {
		return s.found("users", func(o *Object) bool { return !o.Gone && strings.EqualFold(o.Text("external_id"), id) })
	}
	email, ok := strings.CutPrefix(query.Get("query"), "email:")
	email = strings.Trim(email, `"`)
	return s.found("users", func(o *Object) bool { return ok && !o.Gone && o.hasEmail(email) })
}

// export is a page of what changed, oldest change first. Deleted objects are on it; what changed within the account's lag
// is not.
func (s *Server) export(r *http.Request) reply {
	many, query := r.PathValue("many"), r.URL.Query()
	if s.tables[many] == nil {
		return problem(http.StatusNotFound, "InvalidEndpoint", "Not found")
	}
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size < 1 || size > 1000 {
		size = 1000
	}
	after, ok := s.begin(query.Get("start_time"), query.Get("cursor"))
	if !ok {
		return problem(http.StatusBadRequest, "InvalidValue", "Invalid start_time or cursor")
	}
	list, end := []map[string]any{}, true
	for _, o := range s.changedAfter(many, after) {
		if len(list) == size {
			end = false
			break
		}
		list = append(list, s.render(many, o))
		after = place{o.Changed.UnixMicro(), o.ID}
	}
	out := map[string]any{many: list, "after_cursor": nil, "after_url": nil, "before_cursor": nil, "before_url": nil, "end_of_stream": end}
	if after.id != 0 {
		out["after_cursor"] = after.text()
		out["after_url"] = "https://example.zendesk.com" + r.URL.Path + "?cursor=" + after.text()
	}
	return answer(http.StatusOK, out)
}

// count is about how many objects there are, without deleted ones. An account that counts anew tells no more than its bound.
func (s *Server) count(many, role string) reply {
	n, refreshed := 0, any(s.now().Format(time.RFC3339))
	for _, o := range s.tables[many].objects {
		if !o.Gone && (role == "" || o.Text("role") == role) {
			n++
		}
	}
	if bound := s.options.CountsTo; bound > 0 && n > bound {
		n, refreshed = bound, nil
	}
	return answer(http.StatusOK, map[string]any{"count": map[string]any{"value": n, "refreshed_at": refreshed}})
}

// place is the last object of a page.
type place struct{ micros, id int64 }

func (p place) text() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d.%06d||%d|", p.micros/1e6, p.micros%1e6, p.id))
}

func (s *Server) begin(start, cursor string) (place, bool) {
	if cursor == "" {
		seconds, err := strconv.ParseInt(start, 10, 64)
		early := err == nil && seconds >= 0 && seconds <= s.options.Now().Add(-time.Minute).Unix()
		return place{seconds*1e6 - 1, 0}, early
	}
	raw, err := base64.StdEncoding.DecodeString(cursor)
	var seconds, micros, id int64
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d.%06d||%d|", &seconds, &micros, &id)
	}
	return place{seconds*1e6 + micros, id}, err == nil
}

// changedAfter are the objects that changed after a place and before the account's lag, in that order.
func (s *Server) changedAfter(many string, p place) []*Object {
	until := s.options.Now().Add(-s.options.Lag)
	var all []*Object
	for _, o := range s.tables[many].objects {
		at := o.Changed.UnixMicro()
		if late := s.options.Lag > 0 && !o.Changed.Before(until); !late && (at > p.micros || at == p.micros && o.ID > p.id) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *Object) int {
		if order := a.Changed.Compare(b.Changed); order != 0 {
			return order
		}
		return int(min(max(a.ID-b.ID, -1), 1))
	})
	return all
}
