package shopify

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// consents are Shopify's states of a decision that was made.
var consents = map[string]canonicalv1.ConsentStatus{
	"SUBSCRIBED":   canonicalv1.ConsentStatus_CONSENT_STATUS_GRANTED,
	"PENDING":      canonicalv1.ConsentStatus_CONSENT_STATUS_PENDING,
	"UNSUBSCRIBED": canonicalv1.ConsentStatus_CONSENT_STATUS_DENIED,
}

// undecided are its states of none: Shopify has other words for it by e-mail and by text message.
var undecided = map[string]bool{"": true, "NOT_SUBSCRIBED": true, "NEVER_SUBSCRIBED": true}

// consent reads a decision; nil where there was none. A state that means neither (INVALID, REDACTED) stays as text, and is
// no grant.
func (r *reading) consent(field, state, at string) *canonicalv1.Consent {
	if undecided[state] {
		return nil
	}
	status, raw := enum(r, field, state, consents)
	out := &canonicalv1.Consent{Status: status}
	if raw != nil {
		out.StatusRaw = *raw
	}
	if moment := r.moment(at); !moment.IsZero() {
		out.Time = timestamppb.New(moment)
	}
	return out
}

func readEmailConsent(r *reading, c *customer) {
	var in struct {
		State string `json:"marketingState"`
		At    string `json:"marketingUpdatedAt"`
	}
	r.get("defaultEmailAddress", &in)
	if out := r.consent("marketingState", in.State, in.At); out != nil {
		c.MarketingConsent = &canonicalv1.MarketingConsent{Email: out}
	}
}

func readSMSConsent(r *reading, c *customer) {
	var in struct {
		Consent struct {
			State string `json:"state"`
			At    string `json:"updatedAt"`
		} `json:"smsMarketingConsent"`
	}
	r.get("defaultPhoneNumber", &in)
	if out := r.consent("smsMarketingConsent.state", in.Consent.State, in.Consent.At); out != nil {
		c.MarketingConsent = &canonicalv1.MarketingConsent{Sms: out}
	}
}

func writeEmailConsent(c *customer, f *frozen) (refusal string) {
	f.Email, refusal = decision(c.GetMarketingConsent().GetEmail())
	return refusal
}

func writeSMSConsent(c *customer, f *frozen) (refusal string) {
	f.SMS, refusal = decision(c.GetMarketingConsent().GetSms())
	return refusal
}

// decision is what Shopify takes for one.
func decision(c *canonicalv1.Consent) (map[string]any, string) {
	for state, status := range consents {
		if status == c.GetStatus() {
			out := map[string]any{"marketingState": state}
			if c.GetTime() != nil {
				out["consentUpdatedAt"] = c.GetTime().AsTime().Format(time.RFC3339)
			}
			return out, ""
		}
	}
	return nil, "Shopify takes decisions that were made, and none back"
}
