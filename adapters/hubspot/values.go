package hubspot

import (
	"strings"

	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func readName(r *reading, c *canonicalv1.Customer) {
	given, family := r.value("firstname"), r.value("lastname")
	full := strings.TrimSpace(given + " " + family)
	if full == "" {
		return
	}
	c.Name = &canonicalv1.PersonName{Full: &full}
	if given != "" {
		c.Name.Given = &given
	}
	if family != "" {
		c.Name.Family = &family
	}
}

func writeName(c *canonicalv1.Customer) ([]string, string) {
	given, family := c.GetName().GetGiven(), c.GetName().GetFamily()
	if given == "" && family == "" {
		given, family = normal.SplitName(c.GetName().GetFull())
	}
	return []string{given, family}, ""
}

// country is the code of the contact's country; empty where there is none, or none that we know.
func (r *reading) country() string {
	name := strings.TrimSpace(r.value("country"))
	if name == "" {
		return ""
	}
	code, _ := normal.Country(name)
	return code
}

func readCountryCode(r *reading, c *canonicalv1.Customer) {
	if code := r.country(); code != "" {
		address(c).CountryCode = &code
	}
}

func readCountryName(r *reading, c *canonicalv1.Customer) {
	if name := r.value("country"); name != "" && r.country() == "" {
		address(c).CountryName = &name
	}
}

// writeCountry writes the code as a name, which is what HubSpot's users write and filter by; a code whose name would not
// be read back as that code is written itself. Without a code the record's own name for the country stays.
func writeCountry(c *canonicalv1.Customer) ([]string, string) {
	code := c.GetBillingAddress().GetCountryCode()
	if code == "" {
		return []string{c.GetBillingAddress().GetCountryName()}, ""
	}
	name := normal.CountryName(code)
	if back, ok := normal.Country(name); !ok || back != code {
		name = code
	}
	return []string{name}, ""
}

// stages are HubSpot's own lifecycle stages that mean the same as ours.
var stages = map[string]canonicalv1.LifecycleStage{
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
func readStage(r *reading, c *canonicalv1.Customer) {
	name := r.value("lifecyclestage")
	stage, ok := stages[name]
	switch {
	case name == "":
		return
	case !ok:
		c.LifecycleStageRaw = &name
		if name != otherStage {
			r.unknown("lifecyclestage=" + name)
		}
	}
	c.LifecycleStage = stage.Enum()
}

func writeStage(c *canonicalv1.Customer) ([]string, string) {
	stage := c.GetLifecycleStage()
	if stage == canonicalv1.LifecycleStage_LIFECYCLE_STAGE_UNSPECIFIED {
		return []string{c.GetLifecycleStageRaw()}, ""
	}
	for name, known := range stages {
		if known == stage {
			return []string{name}, ""
		}
	}
	return nil, "HubSpot has no such lifecycle stage"
}

func readLocale(r *reading, c *canonicalv1.Customer) {
	raw := r.value("hs_language")
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

func writeLocale(c *canonicalv1.Customer) ([]string, string) {
	return []string{strings.ToLower(c.GetLocale())}, ""
}

func readFurtherEmails(r *reading, c *canonicalv1.Customer) {
	for email := range strings.SplitSeq(r.value("hs_additional_emails"), ";") {
		email = strings.TrimSpace(email)
		if email != "" && !strings.EqualFold(email, r.value("email")) {
			c.FurtherEmails = append(c.FurtherEmails, email)
		}
	}
}

// agent reads a member of the staff, or a team.
func (r *reading) agent(property string) *canonicalv1.Agent {
	id := r.value(property)
	if id == "" {
		return nil
	}
	return &canonicalv1.Agent{Connection: r.connection, ExternalId: id}
}
