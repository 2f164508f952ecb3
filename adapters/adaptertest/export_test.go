package adaptertest

import "testing"

// Failure runs one check by name and gives its first failure; "" where it passes.
func Failure(t *testing.T, s Suite, name string) string {
	t.Helper()
	for _, c := range checks() {
		if c.name == name {
			return failureOf(t, func(t testing.TB) { c.run(t, s) })
		}
	}
	t.Fatalf("there is no check %q", name)
	return ""
}

// Names lists the checks.
func Names() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}
