package salesforce

import "github.com/canonhub/canonhub/adapters"

// translator is there since every adapter has one. No event ever comes.
type translator struct{}

// Translate finds no meaning in anything.
func (translator) Translate(adapters.Event) (adapters.Translation, error) {
	return adapters.Translation{Ignored: "Salesforce's changes are polled"}, nil
}
