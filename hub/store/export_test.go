package store

// Bounds are how far a list looks; zero leaves the hub's own.
type Bounds struct{ Few, Scan, Count int }

// Bounded is the same store with other bounds.
func (s *Store) Bounded(b Bounds) *Store {
	bounded := *s
	for own, other := range map[*int]int{&bounded.bounds.few: b.Few, &bounded.bounds.scan: b.Scan, &bounded.bounds.count: b.Count} {
		if other != 0 {
			*own = other
		}
	}
	return &bounded
}
