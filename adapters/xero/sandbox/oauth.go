package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// accessFor is how long an access token lives.
	accessFor = 30 * time.Minute
	// refreshFor is how long a refresh token lives unused, and grace how long after it was used.
	refreshFor = 60 * 24 * time.Hour
	grace      = 30 * time.Minute
)

// grants are what was granted to the app: codes, and tokens with their ends.
type grants struct {
	codes           map[string]string // to the redirect_uri
	access, refresh map[string]time.Time
}

func newGrants() grants {
	return grants{map[string]string{}, map[string]time.Time{}, map[string]time.Time{}}
}

// letsIn says that a call has a token that is good.
func (s *Server) letsIn(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && token != "" && (token == s.options.Token || s.options.Now().Before(s.grants.access[token]))
}

// grant answers for the identity server, whose hosts are others than the API's; false where a call is for the API.
func (s *Server) grant(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/identity/connect/authorize":
		s.authorize(w, r)
	case "/connect/token":
		s.token(r).write(w)
	default:
		return false
	}
	return true
}

// authorize sends a person who grants access at once back to the app.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != s.options.ClientID || q.Get("response_type") != "code" {
		answer(http.StatusBadRequest, map[string]any{"error": "unauthorized_client"}).write(w)
		return
	}
	code := uuid()
	s.grants.codes[code] = q.Get("redirect_uri")
	back.RawQuery = url.Values{"code": {code}, "state": q["state"], "scope": q["scope"]}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token turns a code, a refresh token or the client's own word into tokens.
func (s *Server) token(r *http.Request) reply {
	id, secret, ok := r.BasicAuth()
	refuse := func(status int, code string) reply { return answer(status, map[string]any{"error": code}) }
	if !ok || id != s.options.ClientID || secret != s.options.ClientSecret || secret == "" {
		return refuse(http.StatusBadRequest, "invalid_client")
	}
	now := s.options.Now()
	out := map[string]any{"token_type": "Bearer", "expires_in": int(accessFor.Seconds()), "scope": r.FormValue("scope")}
	switch r.FormValue("grant_type") {
	case "authorization_code":
		to, known := s.grants.codes[r.FormValue("code")]
		delete(s.grants.codes, r.FormValue("code"))
		if !known || to != r.FormValue("redirect_uri") {
			return refuse(http.StatusBadRequest, "invalid_grant")
		}
	case "refresh_token":
		old := r.FormValue("refresh_token")
		if !now.Before(s.grants.refresh[old]) {
			return refuse(http.StatusBadRequest, "invalid_grant")
		}
		if end := now.Add(grace); end.Before(s.grants.refresh[old]) {
			s.grants.refresh[old] = end // should the answer be lost
		}
	case "client_credentials":
	default:
		return refuse(http.StatusBadRequest, "unsupported_grant_type")
	}
	access := uuid()
	s.grants.access[access] = now.Add(accessFor)
	out["access_token"] = access
	if r.FormValue("grant_type") != "client_credentials" {
		refresh := uuid()
		s.grants.refresh[refresh] = now.Add(refreshFor)
		out["refresh_token"] = refresh
	}
	return answer(http.StatusOK, out)
}
