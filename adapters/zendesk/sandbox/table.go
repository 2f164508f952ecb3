package sandbox

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Object is a ticket or a user as Zendesk keeps it.
type Object struct {
	ID int64
	// Fields as they are on the wire, without id and times. Values are nil, text, bool, int64 or []string.
	Fields map[string]any
	// Created and Changed are finer than what is shown.
	Created, Changed time.Time
	// Gone says that it was deleted.
	Gone bool

	identities []identity // of a user, the primary one first
}

func (o *Object) clone() Object {
	copied := *o
	copied.Fields = maps.Clone(o.Fields)
	return copied
}

// Text is a field that is a text; empty where it is none.
func (o *Object) Text(name string) string {
	text, _ := o.Fields[name].(string)
	return text
}

// table is all objects of a kind.
type table struct {
	one     string // "ticket"
	lastID  int64
	objects map[int64]*Object
}

func newTable(one string, first int64) *table {
	return &table{one: one, lastID: first, objects: map[int64]*Object{}}
}

// empties are the fields that every object has.
var empties = map[string]map[string]any{
	"tickets": {
		"external_id": nil, "type": nil, "subject": "", "raw_subject": "", "description": "", "priority": nil, "status": "new", "recipient": nil,
		"requester_id": nil, "submitter_id": nil, "assignee_id": nil, "organization_id": nil, "group_id": nil, "collaborator_ids": []string{},
		"follower_ids": []string{}, "email_cc_ids": []string{}, "problem_id": nil, "has_incidents": false, "is_public": true, "due_at": nil, "tags": []string{},
		"custom_fields": []string{}, "fields": []string{}, "satisfaction_rating": nil, "custom_status_id": int64(1), "ticket_form_id": int64(4471),
		"brand_id": int64(360_002), "allow_channelback": false, "allow_attachments": true, "from_messaging_channel": false, "via": channel("api"),
	},
	"users": {
		"name": "", "email": nil, "time_zone": "UTC", "iana_time_zone": "Etc/UTC", "phone": nil, "shared_phone_number": nil, "photo": nil, "locale_id": int64(1), "locale": "en-US",
		"organization_id": nil, "role": "end-user", "verified": false, "external_id": nil, "tags": []string{}, "alias": "", "active": true, "shared": false,
		"shared_agent": false, "last_login_at": nil, "signature": nil, "details": "", "notes": "", "role_type": nil, "custom_role_id": nil, "moderator": false,
		"ticket_restriction": "requested", "only_private_comments": false, "restricted_agent": true, "suspended": false, "default_group_id": nil,
		"report_csv": false, "user_fields": map[string]any{}, "two_factor_auth_enabled": nil,
	},
}

func channel(name string) map[string]any {
	return map[string]any{"channel": name, "source": map[string]any{"from": map[string]any{}, "to": map[string]any{}, "rel": nil}}
}

// insert stores a new object.
func (s *Server) insert(many string, fields map[string]any) *Object {
	t := s.tables[many]
	t.lastID++
	at := s.now()
	o := &Object{ID: t.lastID, Fields: maps.Clone(empties[many]), Created: at, Changed: at}
	maps.Copy(o.Fields, fields)
	if email := o.Text("email"); email != "" {
		o.identities = []identity{s.identity(email)}
	}
	t.objects[o.ID] = o
	return o
}

// set changes fields and gives the names of those that became others. A write that changes nothing leaves no trace.
func (s *Server) set(o *Object, fields map[string]any) []string {
	var changed []string
	for _, name := range sortedKeys(fields) {
		if !same(o.Fields[name], fields[name]) {
			changed = append(changed, name)
			o.Fields[name] = fields[name]
		}
	}
	if len(changed) > 0 {
		o.Changed = s.now()
	}
	return changed
}

func same(a, b any) bool {
	list, isList := a.([]string)
	other, isOther := b.([]string)
	if isList || isOther {
		return slices.Equal(list, other)
	}
	return a == b
}

// stamp is Zendesk's way to write a time.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// render is an object on the wire.
func (s *Server) render(many string, o *Object) map[string]any {
	out := maps.Clone(o.Fields)
	out["id"], out["created_at"], out["updated_at"] = o.ID, stamp(o.Created), stamp(o.Changed)
	if many == "tickets" {
		out["generated_timestamp"] = o.Changed.Unix()
		if o.Gone {
			out["status"] = "deleted"
		}
	}
	return out
}

var blanks = regexp.MustCompile(`\s+`)

// tidyTags are tags as Zendesk keeps them.
func tidyTags(tags []string) []string {
	out := []string{}
	for _, tag := range tags {
		if tag = strings.ToLower(blanks.ReplaceAllString(strings.TrimSpace(tag), "_")); tag != "" {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Objects are all of a kind ("tickets", "users") that are there, oldest first; of users the end users alone.
func (s *Server) Objects(many string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Object
	for _, id := range sortedKeys(s.tables[many].objects) {
		if o := s.tables[many].objects[id]; !o.Gone && (many == "tickets" || o.Text("role") == "end-user") {
			all = append(all, o.clone())
		}
	}
	return all
}

// Object is one of a kind, deleted ones too.
func (s *Server) Object(many string, id int64) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.tables[many].objects[id]; o != nil {
		return o.clone(), true
	}
	return Object{}, false
}
