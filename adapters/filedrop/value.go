package filedrop

import (
	"errors"
	"regexp"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// errValue says that an expression gave what its type allows and the attribute does not.
var errValue = errors.New("its value is none that the attribute can have")

// set gives the attribute a value; unknown is a text of an enum that has no such value.
func (a attribute) set(record proto.Message, v ref.Val) (unknown string, err error) {
	m := record.ProtoReflect()
	if a.group != nil {
		m = m.Mutable(a.group).Message()
		defer func() {
			if proto.Size(m.Interface()) == 0 {
				record.ProtoReflect().Clear(a.group)
			}
		}()
	}
	switch {
	case a.custom != "":
		custom, err := customValue(v)
		if err == nil && custom != nil {
			m.Mutable(a.field).Map().Set(protoreflect.ValueOfString(a.custom).MapKey(), protoreflect.ValueOfMessage(custom.ProtoReflect()))
		}
		return "", err
	case a.field.IsList():
		return "", setList(m, a.field, v)
	case a.field.Kind() == protoreflect.EnumKind:
		return a.setEnum(m, v)
	}
	value, err := single(m.NewField(a.field), a.field, v)
	if err == nil && value.IsValid() {
		m.Set(a.field, value)
	}
	return "", err
}

// single is one value of a field; not valid where it is empty. fresh is a new one for the field.
func single(fresh protoreflect.Value, field protoreflect.FieldDescriptor, v ref.Val) (protoreflect.Value, error) {
	if field.Kind() != protoreflect.MessageKind {
		switch v := v.(type) {
		case types.String:
			return protoreflect.ValueOfString(string(v)), nil
		case types.Bool:
			return protoreflect.ValueOfBool(bool(v)), nil
		}
		return protoreflect.Value{}, errValue
	}
	into := fresh.Message()
	if err := fill(into.Interface(), v); err != nil {
		return protoreflect.Value{}, err
	}
	if into.Descriptor().FullName() != stampName && proto.Size(into.Interface()) == 0 {
		return protoreflect.Value{}, nil
	}
	return fresh, nil
}

// fill makes a message of a text, a time or a message.
func fill(into proto.Message, v ref.Val) error {
	text, isText := v.(types.String)
	if isText && text == "" {
		return nil
	}
	switch into := into.(type) {
	case *timestamppb.Timestamp:
		at, is := v.(types.Timestamp)
		if !is {
			return errValue
		}
		proto.Merge(into, timestamppb.New(at.Time))
		return nil
	case *canonicalv1.Reference:
		if isText {
			into.Target = &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: string(text)}}
			return nil
		}
	case *canonicalv1.PersonName:
		if isText {
			into.Full = proto.String(string(text))
			return nil
		}
	case *canonicalv1.Agent:
		if isText {
			into.ExternalId = string(text)
			return nil
		}
	}
	from, is := v.Value().(proto.Message)
	if !is || from.ProtoReflect().Descriptor() != into.ProtoReflect().Descriptor() {
		return errValue
	}
	proto.Merge(into, from)
	prune(into.ProtoReflect())
	return nil
}

// prune takes out the messages with nothing in them, such as the amount that money("", "EUR") is.
func prune(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() != protoreflect.MessageKind || field.IsMap() || field.Message().ParentFile().Package() != canonical {
			return true
		}
		if field.IsList() {
			for i := range value.List().Len() {
				prune(value.List().Get(i).Message())
			}
			return true
		}
		prune(value.Message())
		if proto.Size(value.Message().Interface()) == 0 {
			m.Clear(field)
		}
		return true
	})
}

func setList(m protoreflect.Message, field protoreflect.FieldDescriptor, v ref.Val) error {
	from, is := v.(traits.Lister)
	if !is {
		return errValue
	}
	list := m.NewField(field).List()
	for it := from.Iterator(); it.HasNext() == types.True; {
		fresh := protoreflect.Value{}
		if field.Kind() == protoreflect.MessageKind {
			fresh = list.NewElement()
		}
		value, err := single(fresh, field, it.Next())
		if err != nil {
			return err
		}
		if value.IsValid() {
			list.Append(value)
		}
	}
	m.Set(field, protoreflect.ValueOfList(list))
	return nil
}

// setEnum takes the name of a value, without its prefix and whatever its case, or any other text as it is.
func (a attribute) setEnum(m protoreflect.Message, v ref.Val) (unknown string, err error) {
	if number, is := v.(types.Int); is {
		if a.field.Enum().Values().ByNumber(protoreflect.EnumNumber(number)) == nil || int64(number) != int64(int32(number)) {
			return "", errValue
		}
		m.Set(a.field, protoreflect.ValueOfEnum(protoreflect.EnumNumber(number)))
		return "", nil
	}
	text, is := v.(types.String)
	if !is {
		return "", errValue
	}
	word := strings.TrimSpace(string(text))
	if word == "" {
		return "", nil
	}
	name := prefixOf(a.field.Enum()) + strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToUpper(word))
	if value := a.field.Enum().Values().ByName(protoreflect.Name(name)); value != nil && value.Number() != 0 {
		m.Set(a.field, protoreflect.ValueOfEnum(value.Number()))
		return "", nil
	}
	m.Set(a.raw, protoreflect.ValueOfString(word))
	return word, nil
}

// prefixOf is what the names of an enum's values begin with: ORDER_STATUS_.
func prefixOf(enum protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
}

func customValue(v ref.Val) (*canonicalv1.CustomValue, error) {
	out := &canonicalv1.CustomValue{}
	switch v := v.(type) {
	case types.String:
		out.Value = &canonicalv1.CustomValue_Text{Text: string(v)}
	case types.Bool:
		out.Value = &canonicalv1.CustomValue_Flag{Flag: bool(v)}
	case types.Timestamp:
		out.Value = &canonicalv1.CustomValue_Time{Time: timestamppb.New(v.Time)}
	case traits.Lister:
		texts := &canonicalv1.TextList{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			text, is := it.Next().(types.String)
			if !is {
				return nil, errValue
			}
			texts.Values = append(texts.Values, string(text))
		}
		out.Value = &canonicalv1.CustomValue_Texts{Texts: texts}
	default:
		if amount, is := v.Value().(*canonicalv1.Money); is {
			if proto.Size(amount) == 0 {
				return nil, nil
			}
			out.Value = &canonicalv1.CustomValue_Money{Money: amount}
			return out, nil
		}
		return out, fill(out, v)
	}
	return out, nil
}

// word is a text that can be told without telling anything personal.
var word = regexp.MustCompile(`^[\pL\pN_.:/-]{1,40}$`)

func tellable(text string) string {
	if !word.MatchString(text) {
		return "?"
	}
	return text
}
