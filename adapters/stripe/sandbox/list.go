package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// list answers for the objects of one name that were not deleted.
func (s *Server) list(name string) func(*http.Request, form) reply {
	return func(r *http.Request, _ form) reply {
		var all []object
		for _, id := range s.order {
			email := r.URL.Query().Get("email")
			if o := s.objects[id]; o["object"] == name && o["deleted"] == nil && (email == "" || o["email"] == email) {
				all = append(all, o)
			}
		}
		return page(r, all)
	}
}

// listEvents answers for events, of some types or of a group of them ("invoice.*").
func (s *Server) listEvents(r *http.Request, _ form) reply {
	types, group := r.URL.Query()["types[]"], r.URL.Query().Get("type")
	var all []object
	for _, e := range s.events {
		kind := e["type"].(string)
		inGroup := group == "" || kind == group || strings.HasSuffix(group, "*") && strings.HasPrefix(kind, strings.TrimSuffix(group, "*"))
		if inGroup && (len(types) == 0 || slices.Contains(types, kind)) {
			all = append(all, e)
		}
	}
	return page(r, all)
}

// page cuts a list, which Stripe gives newest first. Where the object to start after is not in it any more, it is
// unkind: whether Stripe still knows the place of a deleted object is not documented.
func page(r *http.Request, all []object) reply {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	switch {
	case q.Get("limit") == "":
		limit = 10
	case err != nil || limit < 1 || limit > 100:
		return problem(http.StatusBadRequest, "invalid_request_error", "parameter_invalid_integer", "limit", "Invalid limit")
	}
	all = slices.DeleteFunc(slices.Clone(all), func(o object) bool { return !within(created(o), q.Get("created[gte]"), q.Get("created[lte]")) })
	slices.Reverse(all)
	if after := q.Get("starting_after"); after != "" {
		i := slices.IndexFunc(all, func(o object) bool { return o["id"] == after })
		if i < 0 {
			return problem(http.StatusBadRequest, "invalid_request_error", "resource_missing", "starting_after", "No such object: '"+after+"'")
		}
		all = all[i+1:]
	}
	return ok(object{"object": "list", "url": r.URL.Path, "has_more": len(all) > limit, "data": append([]object{}, all[:min(limit, len(all))]...)})
}

// created is an object's time, whether or not it went through JSON.
func created(o object) int64 {
	if at, is := o["created"].(float64); is {
		return int64(at)
	}
	return o["created"].(int64)
}

// within says whether a time is within bounds, as far as there are some.
func within(at int64, from, to string) bool {
	first, err := strconv.ParseInt(from, 10, 64)
	if err == nil && at < first {
		return false
	}
	last, err := strconv.ParseInt(to, 10, 64)
	return err != nil || at <= last
}
