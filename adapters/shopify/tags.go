package shopify

import (
	"slices"
	"strings"
)

const tagsLoss = "Shopify sorts tags, trims them, and keeps one of those that differ in case alone; a comma cannot be in one."

// tags are those of a customer or an order. A list, which may be empty, is always there.
func (r *reading) tags() []string {
	var in []string
	r.get("tags", &in)
	return slices.DeleteFunc(in, func(tag string) bool { return tag == "" })
}

func (f *frozen) tags(tags []string) string {
	for _, tag := range tags {
		if strings.Contains(tag, ",") {
			return "Shopify would take a tag with a comma for two"
		}
	}
	f.Input["tags"] = append([]string{}, tags...) // none is an empty list: null would leave them
	return ""
}
