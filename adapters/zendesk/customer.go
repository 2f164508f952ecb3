package zendesk

import (
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// users is the mapping of end users, one row an attribute. Nothing changes it.
var users = &kind{
	Kind: mapping.Kind{
		Name: customer, Vendor: "Zendesk", IsID: mapping.IsNumber, Guarded: true, Complete: completeUser,
		Message: func() proto.Message { return &canonicalv1.Customer{} },
		Rows: []mapping.Row{
			mapping.FullName("name", "name").Required("a user always has a name"),
			mapping.Lower("email", email).Required("an address is taken away from a user in Zendesk alone").Losing("Zendesk keeps addresses in lower case."),
			mapping.Phone("phone", "phone", mapping.NoRegion),
			mapping.Locale("locale", "locale").Required("a user always has a language").Losing("Zendesk takes the languages that the account has."),
			labels((*canonicalv1.Customer).GetTags, func(c *canonicalv1.Customer, v []string) { c.Tags = v }),
			mapping.Plain("note", "notes"),
		},
		Own: []string{
			"id", "url", "created_at", "updated_at", "time_zone", "iana_time_zone", "shared_phone_number", "photo", "locale_id", "organization_id", "role",
			"verified", "external_id", "alias", "active", "shared", "shared_agent", "last_login_at", "two_factor_auth_enabled", "signature", "details",
			"role_type", "custom_role_id", "is_billing_admin", "moderator", "ticket_restriction", "only_private_comments", "restricted_agent", "suspended",
			"default_group_id", "report_csv", "user_fields", "permanently_deleted", "chat_only", "remote_photo_url", "abilities",
		},
	},
	one: "user", many: "users", lookup: "users/show_many", lookupBy: "external_ids",
	gone: func(o *object) (gone, erased bool) {
		return isStaff(o.text("role")) || o.text("active") == "false", o.text("permanently_deleted") == "true"
	},
	lacks: map[adapters.Ability]string{
		adapters.Merges:   "A user that was merged is read as deleted, and no read tells into whom.",
		adapters.Archives: "A deleted user cannot be taken back.",
	},
}

// isStaff says that a role is none of a customer's.
func isStaff(role string) bool { return role == "agent" || role == "admin" }

// completeUser has a sync send nobody a welcome.
func completeUser(_ adapters.Patch, w mapping.Fields) (mapping.Fields, string) {
	if w["name"] == nil {
		return nil, "Zendesk takes no user without a name"
	}
	return mapping.Fields{"role": "end-user", "skip_verify_email": true}, ""
}
