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
		if k.Linked > 0 {
			fmt.Fprintf(&out, "  %d objects that wait for a record would be linked\n", k.Linked)
		}
		for _, connection := range slices.Sorted(maps.Keys(k.Targets)) {
			fmt.Fprintf(&out, "  to %-29s %s\n", connection, k.Targets[connection])
		}
		for _, s := range k.Samples {
			fmt.Fprintf(&out, "  %s %s: %s becomes %s\n", s.ID, s.Path, s.Before.text(r.Before), s.After.text(r.After))
		}
	}
	fmt.Fprintf(&out, "plan %s\n", r.Digest)
	return out.String()
}

// String tells what would be sent.
func (t *Target) String() string {
	text := fmt.Sprintf("%d created, %d updated", t.Created, t.Updated)
	if t.Ended > 0 {
		text += fmt.Sprintf(", %d not owed any more", t.Ended)
	}
	return text
}

// text tells a value and why it is there: `"a@example.com" (crm, by authority crm, canonhub.yaml:23)`.
func (s Side) text(file string) string {
	value, err := s.Value.MarshalJSON()
	if err != nil {
		value = []byte("a value that cannot be shown")
	}
	switch {
	case s.Rule == nil:
		return string(value)
	case s.Source == "":
		return fmt.Sprintf("%s (nobody, by %s)", value, rule(s.Rule, file))
	}
	return fmt.Sprintf("%s (%s, by %s)", value, s.Source, rule(s.Rule, file))
}

func rule(r *policy.Rule, file string) string {
	text := string(r.Mode) + " " + strings.Join(r.Sources, ", ")
	if r.Mode == policy.Follow {
		text = "follow " + string(r.Follows)
	}
	if r.Line > 0 {
		text += fmt.Sprintf(", %s:%d", file, r.Line)
	}
	return text
}
