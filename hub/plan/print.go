package plan

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/hub/policy"
)

// String is the report for people: what would change by kind, attribute and target, and samples.
func (r *Report) String() string {
	var out bytes.Buffer
	fmt.Fprintf(&out, "compared with the active policy, version %d; nothing was written\n", r.Active)
	for _, name := range slices.Sorted(maps.Keys(r.Kinds)) {
		k := r.Kinds[name]
		if k.Without {
			fmt.Fprintf(&out, "%s: %d records, without rules in the new policy: they stay as they are\n", name, k.Records)
			continue
		}
		fmt.Fprintf(&out, "%s: %d records, %d would change\n", name, k.Records, k.Changed)
		for _, path := range slices.Sorted(maps.Keys(k.Attributes)) {
			fmt.Fprintf(&out, "  %-32s in %d\n", path, k.Attributes[path])
		}
		for _, connection := range slices.Sorted(maps.Keys(k.Targets)) {
			t := k.Targets[connection]
			fmt.Fprintf(&out, "  to %-29s %d created, %d updated\n", connection, t.Created, t.Updated)
		}
		for _, s := range k.Samples {
			fmt.Fprintf(&out, "  %s %s: %s becomes %s\n", s.ID, s.Path, s.Before, s.After)
		}
	}
	return out.String()
}

// String tells a value and why it is there: `"a@example.com" (crm, by authority crm)`.
func (s Side) String() string {
	value, err := s.Value.MarshalJSON()
	if err != nil {
		value = []byte("a value that cannot be shown")
	}
	switch {
	case s.Rule.Mode == "":
		return string(value)
	case s.Source == "":
		return fmt.Sprintf("%s (nobody, by %s)", value, rule(s.Rule))
	}
	return fmt.Sprintf("%s (%s, by %s)", value, s.Source, rule(s.Rule))
}

func rule(r policy.Rule) string {
	if r.Mode == policy.Follow {
		return "follow " + string(r.Follows)
	}
	return string(r.Mode) + " " + strings.Join(r.Sources, ", ")
}
