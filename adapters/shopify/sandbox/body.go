package sandbox

import "time"

// shopID is the shop's number in webhooks about privacy.
const shopID = 954889

// local times have the shop's offset.
var zone = time.FixedZone("", -5*60*60)

// body is a customer as webhooks have it, since version 2025-01: without tags and consents.
func (c *Customer) body() map[string]any {
	return map[string]any{
		"id": c.ID, "admin_graphql_api_id": global("Customer", c.ID), "created_at": c.CreatedAt.In(zone).Format(time.RFC3339),
		"updated_at": c.UpdatedAt.In(zone).Format(time.RFC3339), "first_name": null(c.FirstName), "last_name": null(c.LastName), "state": "disabled",
		"note": null(c.Note), "verified_email": true, "multipass_identifier": nil, "tax_exempt": c.TaxExempt, "email": null(c.Email),
		"phone": null(c.Phone), "currency": "USD", "addresses": []any{}, "tax_exemptions": []any{},
	}
}

// body is an order as webhooks have it, as far as anybody should believe it.
func (o *Order) body() map[string]any {
	return map[string]any{
		"id": o.ID, "admin_graphql_api_id": global("Order", o.ID), "name": o.Name, "updated_at": o.UpdatedAt.In(zone).Format(time.RFC3339),
		"total_price": o.Total, "email": null(o.Email), "note": null(o.Note), "test": o.Test, "line_items": []any{}, "refunds": []any{},
	}
}

func mergeBody(kept, lost *Customer, status string) map[string]any {
	return map[string]any{
		"admin_graphql_api_customer_kept_id": global("Customer", kept.ID), "admin_graphql_api_customer_deleted_id": global("Customer", lost.ID),
		"admin_graphql_api_job_id": nil, "status": status, "errors": []any{},
	}
}

// tell makes webhooks of one action: they share an event id.
func (s *Server) tell(body map[string]any, topics ...string) {
	if !s.imported.IsZero() {
		return
	}
	for _, topic := range topics {
		told := body
		switch topic {
		case "customers_email_marketing_consent/update", "customers_marketing_consent/update":
			told = map[string]any{"customer_id": body["id"]}
		case "customer.tags_added":
			told = map[string]any{"customerId": body["admin_graphql_api_id"], "tags": []any{}, "occurredAt": body["updated_at"]}
		case "orders/edited":
			told = map[string]any{"order_edit": map[string]any{"id": 1, "order_id": body["id"]}}
		}
		s.hooks.emit(topic, told, topic == topics[0])
	}
}
