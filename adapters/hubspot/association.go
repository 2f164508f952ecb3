package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const (
	// contactsProperty stands among a ticket's properties for the contacts that it is associated with: their ids, parted by
	// blanks. No property can have that name.
	contactsProperty = "associations/contacts"
	// ticketToContact is HubSpot's type of that association where it has no label.
	ticketToContact = 16
	// maxAssociated is how many objects one call may read the associations of.
	maxAssociated = 1000
	// severalContacts is why nobody can tell who asks.
	severalContacts = "the ticket has several contacts, and HubSpot does not say which of them asks"
)

// told notes the contacts in an answer that was asked for them. HubSpot leaves the list out where it is empty, and
// repeats a contact for each label. What is of another form is not noted, and then not spoken of.
func (o *object) told() *object {
	var lists map[string]struct {
		Results []struct {
			ID value `json:"id"`
		} `json:"results"`
	}
	if !o.kind.associates || len(o.Associations) > 0 && json.Unmarshal(o.Associations, &lists) != nil {
		return o
	}
	var ids []string
	for _, each := range lists["contacts"].Results {
		ids = append(ids, string(each.ID))
	}
	return o.with(ids)
}

func (o *object) with(contacts []string) *object {
	slices.Sort(contacts)
	o.Properties[contactsProperty], _ = json.Marshal(strings.Join(slices.Compact(contacts), " ")) // a text always marshals
	return o
}

func (o *object) contacts() []string { return strings.Fields(o.text(contactsProperty)) }

func readRequester(r *mapping.Reading, t *canonicalv1.Ticket) {
	if all := r.Text(contactsProperty); len(strings.Fields(all)) > 1 {
		r.Unusable(all, severalContacts)
		return
	}
	t.Requester = mapping.Reference(r.ID(contactsProperty, isID))
}

func writeRequester(t *canonicalv1.Ticket, w mapping.Fields) string {
	id := t.GetRequester().GetExternal().GetExternalId()
	if t.GetRequester() != nil && !isID(id) {
		return "it is no contact's id"
	}
	w[contactsProperty] = id
	return ""
}

// associate makes a contact the one that asks. It is added before the one that asked until now is taken away, so that
// a ticket is at no time without any, and a second try goes on where the first one ended. Of several others nobody can
// tell which one asked: they stay.
func (a *account) associate(ctx context.Context, t task, now *object) error {
	if !t.writes(contactsProperty) {
		return nil
	}
	want, has := t.text(contactsProperty), now.contacts()
	others := slices.DeleteFunc(slices.Clone(has), func(id string) bool { return id == want })
	adds := want != "" && len(others) == len(has)
	path := t.kind.path(string(now.ID)) + "/associations/"
	if adds {
		if _, err := a.call(ctx, t, http.MethodPut, path+"default/contacts/"+want); err != nil {
			return ofRequester(err)
		}
	}
	if len(others) != 1 {
		return nil
	}
	_, err := a.call(ctx, t, http.MethodDelete, path+"contacts/"+others[0])
	switch {
	case fault.CategoryOf(err) == fault.Gone: // it is not there, then
		return nil
	case adds:
		return fault.Done(err)
	}
	return err
}

// ofRequester judges a failure of the call that adds a contact. The ticket was there a moment ago: what is not there, or
// not taken, is the contact.
func ofRequester(err error) error {
	f := fault.As(err)
	if f.Category == fault.Gone || f.Category == fault.Permanent && f.Code != missingScopes {
		f.Category = fault.Permanent
		f.Refuse("requester", "HubSpot has no such contact, or does not take it")
	}
	return f
}

// associations reads the contacts of objects, which a search does not tell.
func (a *account) associations(ctx context.Context, t task, objects ...*object) error {
	if !t.kind.associates {
		return nil
	}
	for page := range slices.Chunk(objects, maxAssociated) {
		inputs := make([]map[string]value, len(page))
		for i, o := range page {
			inputs[i] = map[string]value{"id": o.ID}
		}
		r, err := a.ask(ctx, t, "/crm/associations/2026-03/"+t.kind.many+"/contacts/batch/read", map[string]any{"inputs": inputs})
		if err != nil {
			return err
		}
		contacts, err := t.contactsOf(r)
		if err != nil {
			return err
		}
		for _, o := range page {
			if ids, told := contacts[o.ID]; told {
				o.with(ids)
			}
		}
	}
	return nil
}

// contactsOf are the contacts in an answer, by object. An object without any is an error there, which names it; of one that
// the answer does not name it says nothing.
func (t task) contactsOf(r httpapi.Response) (map[value][]string, error) {
	var in struct {
		Results []struct {
			From struct {
				ID value `json:"id"`
			} `json:"from"`
			To []struct {
				ID value `json:"toObjectId"`
			} `json:"to"`
		} `json:"results"`
		Errors []json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(r.Body, &in) != nil || in.Results == nil {
		return nil, t.odd(r, "the answer is no list of associations")
	}
	all := map[value][]string{}
	for _, raw := range in.Errors {
		if p := parse(raw); p.Category != "OBJECT_NOT_FOUND" {
			return nil, t.itemFailure(p)
		}
		var without struct {
			Context struct {
				IDs []value `json:"fromObjectId"`
			} `json:"context"`
		}
		_ = json.Unmarshal(raw, &without) // one of another form names none
		for _, id := range without.Context.IDs {
			all[id] = nil
		}
	}
	for _, each := range in.Results {
		ids := all[each.From.ID]
		for _, to := range each.To {
			ids = append(ids, string(to.ID))
		}
		all[each.From.ID] = ids
	}
	return all, nil
}
