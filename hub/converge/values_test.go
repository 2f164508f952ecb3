package converge_test

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
)

// none stands for no value.
const none = "-"

// attributes are what is edited in these worlds.
var attributes = map[model.Kind][]model.Path{
	model.Customer: {"email", "note", "company", "billing_address.city", "billing_address.line1", "tags", "custom.tier"},
	model.Order:    {"number", "customer"},
}

func isText(path model.Path) bool { return path != "tags" && path != "customer" }

// text is an attribute as these tests write it.
func text(m proto.Message, path model.Path) string {
	schema := model.For(model.KindOf(m))
	switch {
	case schema.Empty(m, path):
		return none
	case path == "tags":
		return strings.Join(m.(*canonicalv1.Customer).GetTags(), ",")
	case path == "customer":
		ref := m.(*canonicalv1.Order).GetCustomer()
		return ref.GetRecordId() + ref.GetExternal().GetExternalId()
	}
	return modeltest.Text(m, path)
}

// setText sets an attribute; none clears it.
func setText(m proto.Message, path model.Path, value string) {
	switch {
	case value == none:
		model.For(model.KindOf(m)).Clear(m, path)
	case path == "tags":
		m.(*canonicalv1.Customer).Tags = strings.Split(value, ",")
	case path == "customer":
		m.(*canonicalv1.Order).Customer = &canonicalv1.Reference{Target: &canonicalv1.Reference_External{
			External: &canonicalv1.ExternalReference{ExternalId: value}}}
	default:
		modeltest.SetText(m, path, value)
	}
}

// own makes a vendor's own reference of one that names the vendor.
func own(m proto.Message) {
	if order, is := m.(*canonicalv1.Order); is && order.GetCustomer().GetExternal() != nil {
		order.GetCustomer().GetExternal().Connection = ""
	}
}

// tell lists what a message has.
func tell(m proto.Message) string {
	if m == nil {
		return "nothing"
	}
	var told []string
	for _, path := range attributes[model.KindOf(m)] {
		if value := text(m, path); value != none {
			told = append(told, fmt.Sprintf("%s=%q", path, value))
		}
	}
	return "{" + strings.Join(told, " ") + "}"
}

func tellObject(o *object) string {
	switch {
	case o.mergedInto != "":
		return "merged into " + string(o.mergedInto)
	case o.gone:
		return "gone"
	}
	return tell(o.message)
}

// carriage says what a vendor holds.
func (v *vendor) carriage() []adapters.Carriage {
	var all []adapters.Carriage
	for _, kind := range sorted(v.carries) {
		all = append(all, adapters.Carriage{Kind: adapters.Kind(kind), In: carried(v.carries[kind]), Out: carried(v.takes[kind]), Create: v.creates})
	}
	return all
}

// carried names attributes as adapters do.
func carried(paths []model.Path) []string {
	out := texts(paths)
	for i, path := range out {
		if strings.HasPrefix(path, "custom.") {
			out[i] = "custom.*"
		}
	}
	return out
}

func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, text := range in {
		out[i] = string(text)
	}
	return out
}
