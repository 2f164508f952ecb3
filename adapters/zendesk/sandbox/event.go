package sandbox

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// changes are the events of a changed field. Zendesk tells nothing of a user's language and telephone number.
var changes = map[string]map[string]string{
	"tickets": {"subject": "subject_changed", "type": "type_changed", "priority": "priority_changed", "status": "status_changed",
		"requester_id": "requester_changed", "assignee_id": "agent_assignment_changed", "group_id": "group_assignment_changed",
		"tags": "tags_changed", "external_id": "external_id_changed", "due_at": "task_due_at_changed", "description": "description_changed"},
	"users": {"name": "name_changed", "email": "identity_changed", "role": "role_changed", "tags": "tags_changed", "notes": "notes_changed",
		"external_id": "external_id_changed", "suspended": "suspended_changed"},
}

// tellChange tells of a changed field.
func (s *Server) tellChange(many string, o *Object, field string, before any) {
	if name := changes[many][field]; name != "" {
		s.tell(many, o, name, map[string]any{"current": o.Fields[field], "previous": before})
	}
}

// tell makes an event. It carries a short form of the object as it is.
func (s *Server) tell(many string, o *Object, name string, event map[string]any) {
	one := s.tables[many].one
	if many == "tickets" {
		event["meta"] = map[string]any{"sequence": map[string]any{"id": fmt.Sprintf("%032X", o.Changed.UnixMicro()), "position": 1 + rand.IntN(9)}}
	}
	s.hooks.emit(marshal(map[string]any{
		"type": "zen:event-type:" + one + "." + name, "account_id": s.options.AccountID, "id": uuid(),
		"time": o.Changed.Format(time.RFC3339Nano), "zendesk_event_version": "2022-11-06", "subject": fmt.Sprintf("zen:%s:%d", one, o.ID),
		"detail": s.detail(many, o), "event": event,
	}))
}

// detail is the short form: ids are texts, and lists are written in upper case.
func (s *Server) detail(many string, o *Object) map[string]any {
	out := map[string]any{"id": fmt.Sprint(o.ID), "created_at": stamp(o.Created), "updated_at": stamp(o.Changed), "external_id": o.Text("external_id")}
	if many == "users" {
		for _, name := range []string{"email", "role"} {
			out[name] = o.Text(name)
		}
		out["default_group_id"], out["organization_id"] = "0", "0"
		return out
	}
	for _, name := range []string{"status", "priority", "type"} {
		out[name] = strings.ToUpper(o.Text(name))
	}
	if o.Gone {
		out["status"] = "DELETED"
	}
	for _, name := range []string{"requester_id", "assignee_id", "group_id", "submitter_id"} {
		out[name] = nil
		if id := o.Fields[name]; id != nil {
			out[name] = fmt.Sprint(id)
		}
	}
	out["actor_id"], out["brand_id"], out["form_id"], out["custom_status"] = fmt.Sprint(firstUser+1), "360002", "4471", "1"
	out["subject"], out["description"], out["is_public"], out["tags"], out["via"] = o.Fields["subject"], o.Fields["description"], true, o.Fields["tags"], o.Fields["via"]
	return out
}

func uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", rand.Uint32(), rand.Uint32()&0xffff, rand.Uint32()&0xfff, rand.Uint32()&0xfff, rand.Uint64()&0xffffffffffff)
}
