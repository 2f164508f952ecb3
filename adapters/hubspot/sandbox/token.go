package sandbox

import (
	"net/http"
	"slices"
)

// SetAccessTokens says which bearer tokens are let in from now on: the old one and the new while an app's token is
// rotated.
func (s *Server) SetAccessTokens(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.Clone(tokens)
}

// letsIn says that a call carries a token that is good.
func (s *Server) letsIn(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.tokens, func(token string) bool { return r.Header.Get("Authorization") == "Bearer "+token })
}
