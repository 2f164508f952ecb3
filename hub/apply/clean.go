package apply

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// cleaned is an observation that fits the canonical form.
type cleaned struct {
	message  proto.Message // nil if gone
	paths    []model.Path
	unusable []view.Unusable
}

// clean takes out of an observation what breaks the canonical form's rules. It is kept beside the view, with the
// reason, and the rest is used (law 9).
func clean(schema *model.Schema, source string, carriage connection.Carriage, o adapters.Observation) cleaned {
	c := cleaned{message: o.Message, paths: carriage.In}
	for _, u := range o.Unusable {
		c.unusable = append(c.unusable, view.Unusable{Path: model.Path(u.Path), Raw: u.Raw, Reason: u.Reason})
	}
	if o.Message == nil {
		return c
	}
	if o.Paths != nil {
		c.paths = make([]model.Path, len(o.Paths))
		for i, path := range o.Paths {
			c.paths[i] = model.Path(path)
		}
	}
	c.message = proto.Clone(o.Message)
	for external := range schema.Foreign(c.message) {
		if external.GetConnection() == "" {
			external.Connection = source
		}
	}
	for _, b := range schema.Broken(c.message) {
		schema.Clear(c.message, b.Path)
		c.unusable = append(c.unusable, view.Unusable{Path: b.Path, Raw: b.Raw, Reason: b.Reason})
		c.without(schema, b.Path)
	}
	return c
}

// Answer is what a push's answer says, fit for the view.
type Answer struct {
	Message proto.Message
	Paths   []model.Path
}

// CleanAnswer takes out of a push's answer what breaks the canonical form's rules.
func CleanAnswer(schema *model.Schema, source string, carriage connection.Carriage, o adapters.Observation) Answer {
	c := clean(schema, source, carriage, o)
	if c.message != nil {
		for ref := range schema.References(c.message) {
			schema.Clear(c.message, ref.Path)
			c.without(schema, ref.Path) // the vendor's ids; what we sent is agreed
		}
	}
	return Answer{Message: c.message, Paths: c.paths}
}

// without takes a path out of what the observation speaks of. Where it spoke of all custom attributes, it then speaks of
// those that it has: of one that is missing it cannot be told any more whether it is gone or was of no use.
func (c *cleaned) without(schema *model.Schema, path model.Path) {
	custom := path == "custom" || strings.HasPrefix(string(path), "custom.")
	all := slices.Contains(c.paths, "custom.*")
	c.paths = slices.DeleteFunc(slices.Clone(c.paths), func(p model.Path) bool { return p == path || custom && p == "custom.*" })
	if custom && all {
		c.paths = append(c.paths, schema.Custom(c.message)...)
	}
}

// observation is the cleaned observation for a view. Of an attribute that is empty and that the source never had, a
// connection says nothing, in what tells of all that there is as in what tells of a change.
func (c *cleaned) observation(message proto.Message, stamp view.Stamp, read bool) view.Observation {
	return view.Observation{Stamp: stamp, Message: message, Paths: c.paths, Snapshot: true, Read: read}
}

// qualify names the connection in references that leave it to the adapter's own, and lists the objects referred to.
func qualify(schema *model.Schema, message proto.Message, source string) []store.LinkKey {
	if message == nil {
		return nil
	}
	var keys []store.LinkKey
	for ref := range schema.References(message) {
		external := ref.Target.GetExternal()
		if external == nil {
			continue
		}
		keys = append(keys, referred(ref, external, source))
	}
	return keys
}

func referred(ref model.Reference, external *canonicalv1.ExternalReference, source string) store.LinkKey {
	connection := external.GetConnection()
	if connection == "" {
		connection = source
	}
	return store.LinkKey{Connection: connection, Kind: ref.Kind, ExternalID: external.GetExternalId()}
}

// matchKeys are the normalised values by which a message may be recognised on first contact.
func matchKeys(rules *policy.Kind, message proto.Message) []store.MatchKey {
	if message == nil {
		return nil
	}
	var keys []store.MatchKey
	for _, key := range rules.Match() {
		values := make([]string, len(key))
		for i, path := range key {
			// E-mail addresses, numbers and names alike: blanks and case do not tell parties apart.
			values[i] = strings.ToLower(strings.Join(strings.Fields(rules.Schema.Text(message, path)), " "))
		}
		if !slices.Contains(values, "") {
			keys = append(keys, store.MatchKey{Attribute: model.Path(key.String()), Value: strings.Join(values, "\n")})
		}
	}
	return keys
}

// Differing lists the attributes in which an observation differs from what its source is known to hold. References are
// left out: a vendor's ids are not ours.
func Differing(schema *model.Schema, source string, carriage connection.Carriage, o adapters.Observation, known *view.View) []model.Path {
	c := clean(schema, source, carriage, o)
	if c.message == nil {
		return nil
	}
	refers := map[model.Path]bool{}
	for _, message := range []proto.Message{c.message, known.State().Held} {
		for ref := range schema.References(message) {
			refers[ref.Path] = true
		}
	}
	state := known.State()
	var differing []model.Path
	for _, path := range c.paths {
		paths := []model.Path{path}
		if path == "custom.*" {
			paths = slices.Compact(slices.Sorted(slices.Values(slices.Concat(schema.Custom(c.message), schema.Custom(state.Held)))))
		}
		for _, path := range paths {
			if !refers[path] && !state.Holds(c.message, path) {
				differing = append(differing, path)
			}
		}
	}
	return differing
}
