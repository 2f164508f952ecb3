package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	zendesk "github.com/canonhub/canonhub/adapters/zendesk/sandbox"
)

// deskConfig adds Zendesk to the town, and tickets between it and HubSpot.
const deskConfig = `
  ticket:
    create: [desk, crm]
    attributes:
      "*": {latest: [desk, crm]}
      requester: {prefer: [desk, crm]}
    targets:
      desk: {create: true, attributes: [subject, requester, status, priority]}
      crm:  {create: true, attributes: [subject, description, requester, status, priority]}
`

// desks is a town with a help desk at Zendesk and one at HubSpot.
type desks struct {
	*town
	zendesk *zendesk.Server
}

func newDesks(t *testing.T) *desks {
	t.Helper()
	d := &desks{town: newTownWith(t, deskConfig)}
	d.zendesk = zendesk.New(zendesk.Options{Token: zendeskToken, Secret: zendeskSecret, AccountID: 1})
	server := httptest.NewServer(traced(t, d.zendesk))
	t.Cleanup(func() {
		d.zendesk.Close()
		server.CloseClientConnections()
		server.Close()
	})
	d.zendesk.SetWebhookURL("http://" + d.httpAddr + "/webhooks/desk")
	folder := t.TempDir()
	for name, text := range map[string]string{"token": zendeskToken, "secret": zendeskSecret} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.policy("policies:", fmt.Sprintf(`  desk:
    adapter: zendesk
    base_url: %s
    brake: {share: 1}
    credentials: {token: "${file:%s}"}
    webhook: {secrets: ["${file:%s}"]}
    limits: {requests_per_second: 2000, concurrency: 16, pages_per_minute: 100000}
policies:`, server.URL, filepath.Join(folder, "token"), filepath.Join(folder, "secret")))
	d.policy(`    credentials: {access_token: "${HUBSPOT_TOKEN}"}`, `    credentials: {access_token: "${HUBSPOT_TOKEN}"}
    options: {tickets: {}}`)
	d.policy(`      crm:    {create: true, attributes: ["*"]}`, `      crm:    {create: true, attributes: ["*"]}
      desk:   {create: true, attributes: [name, email]}`)
	d.policy(`attributes: {"*": {prefer: [stripe, crm]}}`, `attributes: {"*": {prefer: [stripe, crm, desk]}}`)
	d.policy("create: [stripe, crm]", "create: [stripe, crm, desk]")
	return d
}

func (d *desks) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// user is the Zendesk user with an address.
func (d *desks) user(email string) (id int64) {
	for _, u := range d.zendesk.Objects("users") {
		if u.Fields["email"] == email {
			return u.ID
		}
	}
	return 0
}

// A ticket that is opened in one desk is in the other, with the one who asks, once they are there; and what is done to it
// in either shows in both.
func TestTwoDesksHaveTheSameTickets(t *testing.T) {
	t.Parallel()
	d := newDesks(t)
	d.start()
	ada, err := d.hubspot.Create(map[string]string{"email": "ada@example.com", "firstname": "Ada"})
	d.check(err)
	fire, err := d.hubspot.CreateTicket(map[string]string{"subject": "Fire", "content": "It smokes.", "hs_pipeline_stage": "1"})
	d.check(err)
	d.check(d.hubspot.Associate(fire, ada))
	var atZendesk int64
	d.until("the ticket is at Zendesk, and Ada asks", func() error {
		all := d.zendesk.Objects("tickets")
		if len(all) != 1 || fmt.Sprint(all[0].Fields["requester_id"]) != strconv.FormatInt(d.user("ada@example.com"), 10) || d.user("ada@example.com") == 0 {
			return fmt.Errorf("%v", all)
		}
		atZendesk = all[0].ID
		return nil
	})

	d.check(d.zendesk.Edit("tickets", atZendesk, map[string]any{"status": "solved", "priority": "urgent"}))
	d.until("it is closed at HubSpot", func() error {
		if held, _ := d.hubspot.Ticket(fire); held.Properties["hs_pipeline_stage"] != "4" || held.Properties["hs_ticket_priority"] != "URGENT" {
			return fmt.Errorf("%v", held.Properties)
		}
		return nil
	})

	grace, err := d.zendesk.Make("users", map[string]any{"name": "Grace", "email": "grace@example.com", "role": "end-user"})
	d.check(err)
	_, err = d.zendesk.Make("tickets", map[string]any{"subject": "Water", "description": "It drips.", "requester_id": grace, "status": "open"})
	d.check(err)
	d.until("Grace's ticket is at HubSpot, and she asks", func() error {
		contact, _ := d.hubspot.ByEmail("grace@example.com")
		all := d.hubspot.Tickets()
		if len(all) != 2 {
			return fmt.Errorf("there are %d tickets", len(all))
		}
		if got := d.hubspot.ContactsOf(all[1].ID); len(got) != 1 || got[0] != contact.ID || all[1].Properties["hs_pipeline_stage"] != "3" {
			return fmt.Errorf("her contact is %q, those of the ticket %v, its stage %s", contact.ID, got, all[1].Properties["hs_pipeline_stage"])
		}
		return nil
	})

	contact, _ := d.hubspot.ByEmail("grace@example.com")
	d.check(d.hubspot.Associate(fire, contact.ID))
	d.check(d.hubspot.Dissociate(fire, ada))
	d.until("Grace asks at Zendesk, too", func() error {
		if held, _ := d.zendesk.Object("tickets", atZendesk); held.Fields["requester_id"] != grace {
			return fmt.Errorf("%v", held.Fields)
		}
		return nil
	})
	d.check(d.zendesk.Edit("tickets", atZendesk, map[string]any{"requester_id": d.user("ada@example.com")}))
	d.until("Ada asks at HubSpot again", func() error {
		if got := d.hubspot.ContactsOf(fire); len(got) != 1 || got[0] != ada {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	d.settled()
	if h, z := len(d.hubspot.Tickets()), len(d.zendesk.Objects("tickets")); h != 2 || z != 2 {
		t.Errorf("there are %d tickets at HubSpot and %d at Zendesk", h, z)
	}
}
