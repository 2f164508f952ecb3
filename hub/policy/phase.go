package policy

// Phase is how far a connection has come into use.
type Phase string

// The phases.
const (
	// Linking: its objects are linked to the records that they match; nothing is created anywhere.
	Linking Phase = "linking"
	// Shadow: what would be pushed to it can be read, and nothing is.
	Shadow Phase = "shadow"
	// Live: it takes part.
	Live Phase = "live"
)

// Phase is that of a source; a source that is no connection is always live.
func (k *Kind) Phase(source string) Phase {
	return phaseIn(k.phases, source)
}

// Phase is that of a connection.
func (p *Policy) Phase(connection string) Phase { return phaseIn(p.phases, connection) }

func phaseIn(phases map[string]Phase, source string) Phase {
	if phase := phases[source]; phase != "" {
		return phase
	}
	return Live
}
