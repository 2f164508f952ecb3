package policy

import (
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// Diff lists the attributes in which a target does not agree with the record, of those that the target takes and its
// adapter can write (writable; `custom.*` among them stands for all custom attributes). v may be nil where nothing is
// there yet. An attribute that nobody claimed, that the vendor acknowledged in its own form, whose very
// value it refused, over which there is a tug of war, or that is held against the target's own word is not owed.
func (k *Kind) Diff(r *Resolution, v *view.View, target *Target, writable []model.Path) []model.Path {
	if !target.Wants(r) {
		return nil
	}
	if v == nil {
		v = view.New(k.Schema)
	}
	state := v.State()
	var owed []model.Path
	for _, path := range k.concrete(writable, r.Message, state.Held) {
		switch {
		case !target.Takes(path), !r.Accepted(path), state.Holds(r.Message, path):
		case isRefused(k.Schema, r.Message, v.Refused, path), v.Contested(path, r.Message), r.Disputes(path, target.Connection):
		default:
			owed = append(owed, path)
		}
	}
	return owed
}

// concrete replaces `custom.*` by the custom attributes that are there.
func (k *Kind) concrete(paths []model.Path, messages ...proto.Message) []model.Path {
	out := make([]model.Path, 0, len(paths))
	for _, path := range paths {
		if path != "custom.*" {
			out = append(out, path)
			continue
		}
		seen := map[model.Path]bool{}
		for _, m := range messages {
			for _, custom := range k.Schema.Custom(m) {
				if !seen[custom] {
					seen[custom] = true
					out = append(out, custom)
				}
			}
		}
	}
	return out
}

func isRefused(schema *model.Schema, message proto.Message, refused map[model.Path]view.Refusal, path model.Path) bool {
	refusal, ok := refused[path]
	return ok && schema.Equal(message, refusal.Message, path)
}
