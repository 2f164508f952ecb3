package hubspot

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const customer adapters.Kind = "customer"

// contacts is the mapping of contacts, one row an attribute.
func contacts() *kind {
	return &kind{
		one: "contact", many: "contacts", typeID: "0-1", modified: "lastmodifieddate", create: (*account).upsert,
		Kind: mapping.Kind{
			Name: customer, Vendor: vendor, IsID: isID[string], Own: ownProperties,
			Message: func() proto.Message { return &canonicalv1.Customer{} },
			Rows: slices.Concat([]mapping.Row{
				mapping.Plain("email", "email").Losing("HubSpot keeps addresses in lower case."),
				mapping.Of("name", []string{"firstname", "lastname"}, readName, writeName).
					Losing("Kept as first and last name: prefix, middle name and suffix are not held, and a name without parts is cut at its last word."),
				mapping.Phone("phone", "phone", mapping.Region("country")),
				mapping.Phone("mobile_phone", "mobilephone", mapping.Region("country")),
				mapping.Plain("company", "company"),
				mapping.Plain("billing_address.line1", "address"),
				mapping.Plain("billing_address.city", "city"),
				mapping.Plain("billing_address.region", "state"),
				mapping.Plain("billing_address.postal_code", "zip"),
			}, mapping.Country("billing_address", "country"), []mapping.Row{
				mapping.ReadBy(mapping.Choice("lifecycle_stage", stageOfLife, stages, mapping.Same).Open(), readStage).
					Losing("HubSpot has no stage for a former customer; a stage that moves back is cleared first, which HubSpot's history shows."),
				mapping.Locale("locale", "hs_language").Written(strings.ToLower).Losing("HubSpot takes the languages of its own list alone."),
				mapping.Of("further_emails", []string{"hs_additional_emails"}, readFurtherEmails, nil),
				mapping.Agent("account_owner", "hubspot_owner_id", anyID),
			}),
		},
	}
}

func readName(r *mapping.Reading, c *canonicalv1.Customer) {
	given, family := r.Text("firstname"), r.Text("lastname")
	if full := strings.TrimSpace(given + " " + family); full != "" {
		c.Name = &canonicalv1.PersonName{Full: &full, Given: mapping.Some(given), Family: mapping.Some(family)}
	}
}

func writeName(c *canonicalv1.Customer, w mapping.Fields) string {
	w["firstname"], w["lastname"] = mapping.NameParts(c.GetName())
	return ""
}

// stageOfLife is the property that HubSpot does not let move back.
const stageOfLife = "lifecyclestage"

// stages are HubSpot's own lifecycle stages that mean the same as ours.
var stages = mapping.Words[canonicalv1.LifecycleStage]{
	"subscriber":             canonicalv1.LifecycleStage_LIFECYCLE_STAGE_SUBSCRIBER,
	"lead":                   canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD,
	"marketingqualifiedlead": canonicalv1.LifecycleStage_LIFECYCLE_STAGE_MARKETING_QUALIFIED_LEAD,
	"salesqualifiedlead":     canonicalv1.LifecycleStage_LIFECYCLE_STAGE_SALES_QUALIFIED_LEAD,
	"opportunity":            canonicalv1.LifecycleStage_LIFECYCLE_STAGE_OPPORTUNITY,
	"customer":               canonicalv1.LifecycleStage_LIFECYCLE_STAGE_CUSTOMER,
	"evangelist":             canonicalv1.LifecycleStage_LIFECYCLE_STAGE_EVANGELIST,
}

// otherStage is HubSpot's own stage without a meaning.
const otherStage = "other"

// readStage keeps the text of a stage that is none of ours: an account's own stages have numbers for names.
func readStage(r *mapping.Reading, c *canonicalv1.Customer) {
	name := r.Text(stageOfLife)
	if name == otherStage {
		c.LifecycleStage, c.LifecycleStageRaw = canonicalv1.LifecycleStage_LIFECYCLE_STAGE_UNSPECIFIED.Enum(), &name
		return
	}
	stages.Say(r, c, stageOfLife, name)
}

func readFurtherEmails(r *mapping.Reading, c *canonicalv1.Customer) {
	for email := range strings.SplitSeq(r.Text("hs_additional_emails"), ";") {
		email = strings.TrimSpace(email)
		if email != "" && !strings.EqualFold(email, r.Text("email")) {
			c.FurtherEmails = append(c.FurtherEmails, email)
		}
	}
}
