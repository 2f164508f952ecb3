package modeltest

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// Customer makes a customer of texts: "email=a billing_address.city=Wien custom.tier=gold".
func Customer(texts string) *canonicalv1.Customer {
	m := &canonicalv1.Customer{}
	for _, pair := range strings.Fields(texts) {
		path, text, _ := strings.Cut(pair, "=")
		SetText(m, model.Path(path), text)
	}
	return m
}

// Paths lists the attributes that "email=a phone=" speaks of.
func Paths(texts string) []model.Path {
	var paths []model.Path
	for _, pair := range strings.Fields(texts) {
		path, _, _ := strings.Cut(pair, "=")
		paths = append(paths, model.Path(path))
	}
	return paths
}

// SetText sets an attribute that is a text.
func SetText(m proto.Message, path model.Path, text string) {
	group, part, split := strings.Cut(string(path), ".")
	r := m.ProtoReflect()
	field := r.Descriptor().Fields().ByName(protoreflect.Name(group))
	switch {
	case group == "custom":
		value := &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: text}}
		r.Mutable(field).Map().Set(protoreflect.ValueOfString(part).MapKey(), protoreflect.ValueOfMessage(value.ProtoReflect()))
		return
	case split:
		r = r.Mutable(field).Message()
		field = r.Descriptor().Fields().ByName(protoreflect.Name(part))
	}
	r.Set(field, protoreflect.ValueOfString(text))
}

// Text is an attribute that is a text; "-" where there is none.
func Text(m proto.Message, path model.Path) string {
	schema := model.For(model.KindOf(m))
	if schema.Empty(m, path) {
		return "-"
	}
	value := schema.JSON(m, path)
	return value.GetStringValue() + value.GetStructValue().GetFields()["text"].GetStringValue()
}
