package model

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// SetJSON gives an attribute, or all attributes of a group, the value in protobuf's JSON form; null clears it. leaves are
// the attributes meant, and path is that of the attribute or group.
func (s *Schema) SetJSON(m proto.Message, path Path, leaves []Path, value *structpb.Value) error {
	for _, leaf := range leaves {
		s.Clear(m, leaf)
	}
	if _, null := value.GetKind().(*structpb.Value_NullValue); null || value == nil {
		return nil
	}
	parts := strings.Split(string(path), ".")
	for i := len(parts) - 1; i >= 0; i-- {
		value = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{parts[i]: value}})
	}
	text, err := value.MarshalJSON()
	read := s.New()
	if err != nil || protojson.Unmarshal(text, read) != nil {
		return fmt.Errorf("%s takes no such value; give it in the form in which records have it", path) // the cause would quote it
	}
	for _, b := range s.Broken(read) {
		return fmt.Errorf("%s: %s", b.Path, b.Reason)
	}
	for _, leaf := range leaves {
		s.Copy(m, read, leaf)
	}
	for have := range s.Present(read) {
		if !slices.Contains(leaves, have) {
			return fmt.Errorf("%s is no part of %s", have, path)
		}
	}
	return nil
}
