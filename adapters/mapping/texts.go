package mapping

import (
	"encoding/json"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Get decodes a field; none and null leave into as it is. False where the field has another form, which is then noted.
func (r *Reading) Get(field string, into any) bool {
	raw := r.Fields[field]
	if len(raw) == 0 || json.Unmarshal(raw, into) == nil {
		return true
	}
	r.Unusable(string(raw), "it has another form than the vendor documents")
	return false
}

// Texts maps a list of texts. Empty ones are not read, and a list of none is written as one.
func Texts(path, field string) Row {
	return Row{Path: path, Fields: []string{field},
		Read: func(r *Reading, m proto.Message) {
			var texts []string
			r.Get(field, &texts)
			in, at := at(m, path, true)
			for _, text := range texts {
				if text != "" {
					in.Mutable(at).List().Append(protoreflect.ValueOfString(text))
				}
			}
		},
		Write: func(m proto.Message, w Fields) string {
			in, at := at(m, path, false)
			texts, list := []string{}, in.Get(at).List()
			for i := range list.Len() {
				texts = append(texts, list.Get(i).String())
			}
			w[field] = texts
			return ""
		}}
}
