package sandbox_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
)

const desk = "/crm/objects/2026-03/tickets"

// contactsOf are the contacts in an answer to a read.
func contactsOf(answer map[string]any) (ids []string) {
	associations, _ := answer["associations"].(map[string]any)
	contacts, _ := associations["contacts"].(map[string]any)
	results, _ := contacts["results"].([]any)
	for _, r := range results {
		ids = append(ids, r.(map[string]any)["id"].(string))
	}
	return ids
}

func (b *bundle) ticket(t *testing.T, values map[string]string, contacts ...string) string {
	t.Helper()
	id, err := b.CreateTicket(values)
	must(t, err)
	for _, c := range contacts {
		must(t, b.Associate(id, c))
	}
	return id
}

func TestATicketIsCreatedWithItsContacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.user(t, map[string]string{"email": "ada@example.com"})
	body := func(contact string, typeID string) string {
		return `{"properties":{"subject":"Fire","hs_pipeline_stage":"1","canonhub_id":"r1"},"associations":[{"to":{"id":"` + contact +
			`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":` + typeID + `}]}]}`
	}
	for name, wrong := range map[string]string{
		"no such contact": body("17", "16"), "another type": body(ada, "15"), "no stage": `{"properties":{"subject":"Fire"}}`,
		"a stage of another pipeline": `{"properties":{"hs_pipeline_stage":"880001"}}`, "no such stage": `{"properties":{"hs_pipeline_stage":"77"}}`,
	} {
		if status, answer := b.call(t, "POST", desk, wrong); status != http.StatusBadRequest || len(b.Tickets()) != 0 {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
	}
	status, answer := b.call(t, "POST", desk, body(ada, "16"))
	id, _ := answer["id"].(string)
	if status != http.StatusCreated || !slices.Equal(b.ContactsOf(id), []string{ada}) || answer["associations"] != nil {
		t.Fatalf("got %d %v", status, answer)
	}
	if status, answer = b.call(t, "POST", desk, body(ada, "16")); status != http.StatusBadRequest || len(b.Tickets()) != 1 {
		t.Errorf("the same once more: %d %v", status, answer)
	}
	_, answer = b.call(t, "GET", desk+"/"+id+"?properties=hs_pipeline&associations=contacts", "")
	if properties, _ := answer["properties"].(map[string]any); properties["hs_pipeline"] != "0" || !slices.Equal(contactsOf(answer), []string{ada}) {
		t.Errorf("it is read as %v", answer)
	}
	if _, answer = b.call(t, "GET", desk+"/"+id, ""); answer["associations"] != nil {
		t.Errorf("nobody asked for %v", answer["associations"])
	}
}

func TestAssociationsComeAndGoAndMoveNoTimeStamp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.user(t, map[string]string{"email": "ada@example.com"})
	id, alone := b.ticket(t, map[string]string{"subject": "Fire"}), b.ticket(t, map[string]string{"subject": "Smoke"})
	before, _ := b.Ticket(id)
	for range 2 {
		if status, answer := b.call(t, "PUT", desk+"/"+id+"/associations/default/contacts/"+ada, ""); status != 200 || answer["status"] != "COMPLETE" {
			t.Fatalf("got %d %v", status, answer)
		}
	}
	status, answer := b.call(t, "POST", "/crm/associations/2026-03/tickets/contacts/batch/read", `{"inputs":[{"id":"`+id+`"},{"id":"`+alone+`"}]}`)
	if results, _ := answer["results"].([]any); status != http.StatusMultiStatus || len(results) != 1 || answer["numErrors"] != 1.0 {
		t.Errorf("got %d %v", status, answer)
	}
	must(t, b.Delete(ada))
	if got := b.ContactsOf(id); len(got) != 0 {
		t.Errorf("a contact in the recycling bin is shown: %v", got)
	}
	must(t, b.Restore(ada))
	for range 2 {
		if status, _ := b.call(t, "DELETE", desk+"/"+id+"/associations/contacts/"+ada, ""); status != http.StatusNoContent {
			t.Errorf("taken away: %d", status)
		}
	}
	if status, _ := b.call(t, "PUT", desk+"/"+id+"/associations/default/contacts/17", ""); status != http.StatusNotFound {
		t.Errorf("nobody: %d", status)
	}
	if after, _ := b.Ticket(id); !after.UpdatedAt.Equal(before.UpdatedAt) || len(b.ContactsOf(id)) != 0 {
		t.Errorf("got %v and %v, with %v", before.UpdatedAt, after.UpdatedAt, b.ContactsOf(id))
	}
}

func TestBothSidesAreToldOfAnAssociation(t *testing.T) {
	t.Parallel()
	for _, generic := range []bool{false, true} {
		b := setup(t, func(o *sandbox.Options) { o.Generic = generic })
		b.user(t, map[string]string{"email": "erika@example.com"}) // so that the two ids differ
		ada := b.user(t, map[string]string{"email": "ada@example.com"})
		id := b.ticket(t, map[string]string{"subject": "Fire"})
		listen(t, b, 0)
		must(t, b.Associate(id, ada))
		settle(t, b)
		var all []struct {
			SubscriptionType, AssociationType, FromObjectTypeID, ToObjectTypeID string
			FromObjectID, ToObjectID                                            json.Number
			AssociationRemoved                                                  *bool
		}
		for _, d := range b.Deliveries() {
			all = nil
			must(t, json.Unmarshal(d.Body, &all))
			for _, e := range all {
				fromTicket := e.AssociationType == "TICKET_TO_CONTACT"
				classic := e.SubscriptionType == "ticket.associationChange" == fromTicket && e.FromObjectTypeID == ""
				modern := e.SubscriptionType == "object.associationChange" && (e.FromObjectTypeID == "0-5") == fromTicket && (e.ToObjectTypeID == "0-1") == fromTicket
				from, to := id, ada
				if !fromTicket {
					from, to = ada, id
				}
				if generic && !modern || !generic && !classic || e.FromObjectID.String() != from || e.ToObjectID.String() != to || e.AssociationRemoved == nil || *e.AssociationRemoved {
					t.Errorf("generic %v: got %+v", generic, e)
				}
			}
		}
		if n := len(b.Deliveries()); n == 0 || n == 1 && len(all) != 2 {
			t.Errorf("generic %v: %d requests", generic, n)
		}
	}
}

func TestAMergedContactKeepsItsTickets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, erika := b.user(t, map[string]string{"email": "ada@example.com"}), b.user(t, map[string]string{"email": "erika@example.com"})
	id := b.ticket(t, map[string]string{"subject": "Fire"}, ada, erika)
	winner, err := b.Merge(ada, erika)
	must(t, err)
	if got := b.ContactsOf(id); !slices.Equal(got, []string{winner}) {
		t.Errorf("its contacts are %v, want %s", got, winner)
	}
	if other, err := b.MergeTickets(id, b.ticket(t, map[string]string{"subject": "Smoke"}, winner)); err != nil || !slices.Equal(b.ContactsOf(other), []string{winner}) {
		t.Errorf("merged too, they are %v, %v", b.ContactsOf(other), err)
	}
}

func TestPipelinesTellWhichStagesAreClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, answer := b.call(t, "GET", "/crm/pipelines/2026-03/tickets", "")
	results, _ := answer["results"].([]any)
	if status != 200 || len(results) != 2 {
		t.Fatalf("got %d %v", status, answer)
	}
	stages := results[0].(map[string]any)["stages"].([]any)
	if last := stages[3].(map[string]any); last["id"] != "4" || last["metadata"].(map[string]any)["ticketState"] != "CLOSED" {
		t.Errorf("got %v", stages)
	}
	id := b.ticket(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "4"})
	if c, _ := b.Ticket(id); c.Properties["closed_date"] == "" {
		t.Error("a closed ticket has no time of that")
	}
	must(t, b.EditTicket(id, map[string]string{"hs_pipeline_stage": "3"}))
	if c, _ := b.Ticket(id); c.Properties["closed_date"] != "" {
		t.Error("a ticket that is open again keeps the time")
	}
}

func TestATokenWithoutTheScopeIsLetInToContactsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.WithoutTickets = true })
	if status, _ := b.call(t, "GET", base, ""); status != 200 {
		t.Errorf("contacts: %d", status)
	}
	if status, answer := b.call(t, "GET", desk, ""); status != http.StatusForbidden || answer["category"] != "MISSING_SCOPES" {
		t.Errorf("tickets: %d %v", status, answer)
	}
}

// HubSpot says when each pipeline and stage was made, and whether it is in use: its own client needs all of it.
func TestPipelinesAreWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, stages := range map[string]int{"/crm/pipelines/2026-03/tickets/0": 4, "/crm/pipelines/2026-03/tickets/770001": 2} {
		status, answer := b.call(t, "GET", path, "")
		list, _ := answer["stages"].([]any)
		if status != http.StatusOK || len(list) != stages {
			t.Fatalf("%s: %d %v", path, status, answer)
		}
		for _, one := range append(list, answer) {
			fields := one.(map[string]any)
			for _, name := range []string{"id", "label", "displayOrder", "createdAt", "updatedAt", "archived"} {
				if fields[name] == nil || fields[name] == "" {
					t.Errorf("%s: %s is missing in %v", path, name, fields)
				}
			}
		}
	}
	if status, _ := b.call(t, "GET", "/crm/pipelines/2026-03/tickets/9", ""); status != http.StatusNotFound {
		t.Errorf("a pipeline that is not there: %d", status)
	}
}

func TestTheContactsOfOneTicketAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.user(t, map[string]string{"email": "ada@example.com"})
	with, without := b.ticket(t, map[string]string{"hs_pipeline_stage": "1"}, ada), b.ticket(t, map[string]string{"hs_pipeline_stage": "1"})
	for id, want := range map[string]int{with: 1, without: 0} {
		status, answer := b.call(t, "GET", desk+"/"+id+"/associations/contacts", "")
		if list, ok := answer["results"].([]any); status != http.StatusOK || !ok || len(list) != want {
			t.Errorf("ticket %s: %d %v, want %d", id, status, answer, want)
		}
	}
	must(t, b.DeleteTicket(with))
	if status, _ := b.call(t, "GET", desk+"/"+with+"/associations/contacts", ""); status != http.StatusNotFound {
		t.Errorf("a ticket in the bin: %d", status)
	}
}
