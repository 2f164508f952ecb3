// Package catalog is the one list of adapters. It is explicit, rather than filled by init functions, so that what a
// program can talk to is read here and nowhere else.
package catalog

import (
	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop"
	"github.com/canonhub/canonhub/adapters/hubspot"
	"github.com/canonhub/canonhub/adapters/salesforce"
	"github.com/canonhub/canonhub/adapters/shopify"
	"github.com/canonhub/canonhub/adapters/stripe"
	"github.com/canonhub/canonhub/adapters/xero"
	"github.com/canonhub/canonhub/adapters/zendesk"
)

// All lists the adapters by name.
func All() map[string]adapters.Factory {
	factories := map[string]adapters.Factory{}
	for _, factory := range []adapters.Factory{
		filedrop.Factory(),
		hubspot.Factory(),
		salesforce.Factory(),
		shopify.Factory(),
		stripe.Factory(),
		xero.Factory(),
		zendesk.Factory(),
	} {
		factories[factory.Name] = factory
	}
	return factories
}
