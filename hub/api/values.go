package api

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// field is what a filter compares: one of the record's own, or a promoted attribute.
type field struct {
	name store.Field
	typ  model.Type
	many bool
	enum protoreflect.EnumDescriptor
	// own says that it is the record's, and no attribute.
	own bool
}

// ownFields are the record's own.
var ownFields = map[store.Field]model.Type{store.UpdateTime: model.Time, store.CreateTime: model.Time, store.DeleteTime: model.Time,
	store.Placeholder: model.Flag}

func fieldOf(schema *model.Schema, name string) (field, bool) {
	if typ, ok := ownFields[store.Field(name)]; ok {
		return field{name: store.Field(name), typ: typ, own: true}, true
	}
	p, ok := schema.FindPromoted(model.Path(name))
	return field{name: store.Field(name), typ: p.Type, many: p.Many, enum: p.Enum}, ok
}

// operators lists the comparisons that a field has.
func (f field) operators() []string {
	switch {
	case f.name == store.Placeholder:
		return []string{"="}
	case f.many && f.typ != model.Custom:
		return []string{":"}
	case f.typ == model.Flag:
		return []string{"=", ":"}
	}
	return []string{"=", "<", "<=", ">", ">=", ":"}
}

// condition is what a comparison asks of a record.
func (f field) condition(operator string, v literal) (store.Condition, error) {
	c := store.Condition{Field: f.name}
	switch {
	case v.anything() && operator == ":":
		return c, nil
	case v.anything():
		return c, fmt.Errorf(`expected a value; %s:* asks for any`, f.name)
	case operator == ":" && !f.many:
		return c, errors.New(`expected * after :, for any value; = asks for one`)
	case f.name == store.Placeholder:
		c.Absent = v.text == "false"
		_, err := flagKey(v)
		return c, err
	}
	keys, err := f.keys(v)
	if err != nil {
		return c, err
	}
	if operator == "=" && !f.own || operator == ":" {
		c.Any = keys
		return c, nil
	}
	c.Span = spans[operator](keys[0])
	return c, nil
}

// spans are what the comparisons mean.
var spans = map[string]func(model.Key) model.Span{"=": model.Exactly, "<": model.Below, "<=": model.UpTo, ">": model.Above, ">=": model.From}

// keys are the values that a literal can mean, the likeliest first: there are two where a custom attribute is compared
// with what can be a time and a text.
func (f field) keys(v literal) ([]model.Key, error) {
	switch f.typ {
	case model.Text:
		return []model.Key{model.TextKey(v.text)}, nil
	case model.Custom:
		return customKeys(v), nil
	}
	key, err := map[model.Type]func(literal) (model.Key, error){
		model.Flag: flagKey, model.Number: numberKey, model.Time: timeKey, model.Enum: f.enumKey,
	}[f.typ](v)
	return []model.Key{key}, err
}

func flagKey(v literal) (model.Key, error) {
	if v.quoted || v.text != "true" && v.text != "false" {
		return nil, errors.New(`expected true or false`)
	}
	return model.FlagKey(v.text == "true"), nil
}

func numberKey(v literal) (model.Key, error) {
	if v.quoted {
		return nil, errors.New(`expected a number without quotes, such as 12.50`)
	}
	return model.NumberKey(v.text)
}

func timeKey(v literal) (model.Key, error) {
	var t time.Time
	if !v.quoted || t.UnmarshalText([]byte(v.text)) != nil { // stricter than time.Parse
		return nil, errors.New(`expected an RFC 3339 time in quotes, such as "2026-01-01T00:00:00Z"`)
	}
	return model.TimeKey(t), nil
}

// enumKey takes a value's name with or without the prefix that all values of the enum share.
func (f field) enumKey(v literal) (model.Key, error) {
	values := f.enum.Values()
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	var known []string
	for i := range values.Len() {
		short := strings.TrimPrefix(string(values.Get(i).Name()), prefix)
		if v.text == short || v.text == prefix+short {
			return model.EnumKey(int32(values.Get(i).Number())), nil
		}
		known = append(known, short)
	}
	return nil, fmt.Errorf("expected one of %s", strings.Join(known, ", "))
}

func customKeys(v literal) []model.Key {
	text := model.TextKey(v.text)
	for _, read := range []func(literal) (model.Key, error){flagKey, numberKey} {
		if k, err := read(v); err == nil {
			return []model.Key{k}
		}
	}
	if k, err := timeKey(v); err == nil {
		return []model.Key{k, text}
	}
	return []model.Key{text}
}
