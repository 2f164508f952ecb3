package apply_test

import (
	"time"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
)

type configv1KindPolicy = configv1.KindPolicy

func rule(sources ...string) *configv1.Rule { return &configv1.Rule{Prefer: sources} }

// gone is what a source says of an object that it deleted.
func gone(id adapters.ExternalID, at time.Time) adapters.Observation {
	return adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: id}, Gone: true, At: at}
}
