package zendesk

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// users is the mapping of end users, one row an attribute. Nothing changes it.
var users = &kind{
	name: customer, one: "user", many: "users", lookup: "users/show_many", lookupBy: "external_ids",
	message: func() proto.Message { return &canonicalv1.Customer{} },
	rows: []row{
		mapped("name", "name", readName, writeName).required("a user always has a name").
			losing("Kept as one text; the parts are joined when they are written, and not read."),
		plain("email", "email", func(c *canonicalv1.Customer) string { return strings.ToLower(c.GetEmail()) }, func(c *canonicalv1.Customer, v string) { c.Email = &v }).
			required("an address is taken away from a user in Zendesk alone").losing("Zendesk keeps addresses in lower case."),
		mapped("phone", "phone", readPhone, func(c *canonicalv1.Customer, fields map[string]any) string {
			fields["phone"] = c.GetPhone()
			return ""
		}),
		mapped("locale", "locale", readLocale, func(c *canonicalv1.Customer, fields map[string]any) string {
			fields["locale"] = c.GetLocale()
			return ""
		}).required("a user always has a language").losing("Zendesk takes the languages that the account has."),
		labels((*canonicalv1.Customer).GetTags, func(c *canonicalv1.Customer, v []string) { c.Tags = v }),
		plain("note", "notes", (*canonicalv1.Customer).GetNote, func(c *canonicalv1.Customer, v string) { c.Note = &v }),
	},
	own: []string{
		"id", "url", "created_at", "updated_at", "time_zone", "iana_time_zone", "shared_phone_number", "photo", "locale_id", "organization_id", "role",
		"verified", "external_id", "alias", "active", "shared", "shared_agent", "last_login_at", "two_factor_auth_enabled", "signature", "details",
		"role_type", "custom_role_id", "is_billing_admin", "moderator", "ticket_restriction", "only_private_comments", "restricted_agent", "suspended",
		"default_group_id", "report_csv", "user_fields", "permanently_deleted", "chat_only", "remote_photo_url", "abilities",
	},
	gone: func(o *object) (gone, erased bool) {
		return isStaff(o.text("role")) || o.text("active") == "false", o.flag("permanently_deleted")
	},
	complete: func(fields map[string]any) string {
		if fields["name"] == nil {
			return "Zendesk takes no user without a name"
		}
		fields["role"], fields["skip_verify_email"] = "end-user", true // a sync sends nobody a welcome
		return ""
	},
	lacks: map[adapters.Ability]string{
		adapters.Merges:   "A user that was merged is read as deleted, and no read tells into whom.",
		adapters.Archives: "A deleted user cannot be taken back.",
	},
}

// isStaff says that a role is none of a customer's.
func isStaff(role string) bool { return role == "agent" || role == "admin" }

func readName(r *reading, c *canonicalv1.Customer) {
	if full := r.text("name"); full != "" {
		c.Name = &canonicalv1.PersonName{Full: &full}
	}
}

func writeName(c *canonicalv1.Customer, fields map[string]any) string {
	n := c.GetName()
	full := n.GetFull()
	if full == "" {
		full = strings.Join(strings.Fields(strings.Join([]string{n.GetPrefix(), n.GetGiven(), n.GetMiddle(), n.GetFamily(), n.GetSuffix()}, " ")), " ")
	}
	fields["name"] = full
	return ""
}

func readPhone(r *reading, c *canonicalv1.Customer) {
	raw := r.text("phone")
	e164, err := normal.Phone(raw, "")
	switch {
	case err != nil:
		r.unusable("phone", raw, err.Error())
	case e164 != "":
		c.Phone = &e164
	}
}

func readLocale(r *reading, c *canonicalv1.Customer) {
	raw := r.text("locale")
	if raw == "" {
		return
	}
	locale, ok := normal.Locale(raw)
	if !ok {
		r.unusable("locale", raw, "it is no language tag")
		return
	}
	c.Locale = &locale
}
