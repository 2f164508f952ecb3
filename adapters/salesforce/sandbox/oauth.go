package sandbox

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// codeFor is how long a code lives.
	codeFor = 15 * time.Minute
	// sessionFor is how long a session lives unused. Nobody is told.
	sessionFor = 2 * time.Hour
	// orgID is the org's own id, with which its tokens begin.
	orgID = "00D5e0000000001AAA"
)

// grants are what was granted to the app.
type grants struct {
	codes    map[string]code
	refresh  map[string]bool
	sessions map[string]session // by access token
	busy     int
}

// code is an answer of a person's that was not turned into tokens yet.
type code struct {
	challenge, redirect string
	refresh             bool
	end                 time.Time
}

// session is what an access token stands for.
type session struct {
	refresh string // by which it was begun, or with which
	used    time.Time
}

func newGrants() grants {
	return grants{codes: map[string]code{}, refresh: map[string]bool{}, sessions: map[string]session{}}
}

// Revoke is what an administrator does on the page of connected apps: neither sessions nor refresh tokens are let in.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants = newGrants()
}

// Busy says how many of the next refreshes are refused because one with the same token is under way.
func (s *Server) Busy(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants.busy = times
}

// letsIn says that a call is made within a session, which goes on with it.
func (s *Server) letsIn(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok && token != "" && token == s.options.Token {
		return !s.expired
	}
	now, known := s.options.Now(), s.grants.sessions[token]
	if !ok || known.used.IsZero() || now.Sub(known.used) >= sessionFor {
		return false
	}
	known.used = now
	s.grants.sessions[token] = known
	return true
}

// grant answers for the authorisation server; false where a call is for the API.
func (s *Server) grant(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	switch r.URL.Path {
	case "/services/oauth2/authorize":
		s.authorize(w, r)
	case "/services/oauth2/token":
		s.token(r).write(w)
	case "/services/oauth2/revoke":
		s.revoke(r).write(w)
	default:
		return false
	}
	s.counts[r.Method+" "+r.URL.Path]++
	return true
}

// authorize sends a person who grants access at once back to the app. Who is not sent back is told on a page.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	page := func(code, description string) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "error=%s&error_description=%s", code, url.PathEscape(description)) // a browser that has gone away
	}
	answer := url.Values{"state": q["state"]}
	switch {
	case q.Get("client_id") != s.options.ClientID || s.options.ClientID == "":
		page("invalid_client_id", "client identifier invalid")
		return
	case err != nil || q.Get("redirect_uri") != s.options.CallbackURL:
		page("redirect_uri_mismatch", "redirect_uri must match configuration")
		return
	case q.Get("response_type") != "code":
		answer.Set("error", "unsupported_response_type")
		answer.Set("error_description", "response type not supported")
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		answer.Set("error", "invalid_request")
		answer.Set("error_description", "missing required code challenge")
	default:
		text := "aPrx" + rand.Text() + "==" // its end is not safe in a URL
		s.grants.codes[text] = code{challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"), end: s.options.Now().Add(codeFor),
			refresh: slices.Contains(strings.Fields(q.Get("scope")), "refresh_token")}
		answer.Set("code", text)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// refuses is the authorisation server's error.
func refuses(code, description string) reply {
	return reply{http.StatusBadRequest, map[string]any{"error": code, "error_description": description}}
}

// token turns a code or a refresh token into a session.
func (s *Server) token(r *http.Request) reply {
	id, secret, header := r.BasicAuth()
	if !header {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	switch {
	case r.Method != http.MethodPost:
		return refuses("invalid_request", "must use HTTP POST")
	case id != s.options.ClientID || id == "":
		return refuses("invalid_client_id", "client identifier invalid")
	case secret != s.options.ClientSecret || secret == "":
		return refuses("invalid_client", "invalid client credentials")
	}
	switch r.FormValue("grant_type") {
	case "authorization_code":
		return s.exchange(r)
	case "refresh_token":
		return s.renew(r)
	}
	return refuses("unsupported_grant_type", "grant type not supported")
}

// exchange takes a code, once.
func (s *Server) exchange(r *http.Request) reply {
	taken, known := s.grants.codes[r.FormValue("code")]
	delete(s.grants.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case !known:
		return refuses("invalid_grant", "invalid authorization code")
	case !s.options.Now().Before(taken.end):
		return refuses("invalid_grant", "expired authorization code")
	case taken.redirect != r.FormValue("redirect_uri"):
		return refuses("redirect_uri_mismatch", "redirect_uri must match configuration")
	case base64.RawURLEncoding.EncodeToString(sum[:]) != taken.challenge:
		return refuses("invalid_grant", "invalid code verifier")
	}
	if !taken.refresh {
		return s.begins(r, "", "")
	}
	refresh := s.refreshToken()
	return s.begins(r, refresh, refresh)
}

// renew takes a refresh token. Where they rotate, one that was used takes with it all that came of it.
func (s *Server) renew(r *http.Request) reply {
	old := r.FormValue("refresh_token")
	live, known := s.grants.refresh[old]
	if known && !live {
		s.grants = newGrants()
	}
	switch {
	case !live:
		return refuses("invalid_grant", "expired access/refresh token")
	case s.grants.busy > 0:
		s.grants.busy--
		return refuses("invalid_grant", "token request is already being processed")
	case !s.options.Rotates:
		return s.begins(r, old, "")
	}
	s.grants.refresh[old] = false
	next := s.refreshToken()
	return s.begins(r, next, next)
}

func (s *Server) refreshToken() string {
	text := "5Aep861" + rand.Text()
	s.grants.refresh[text] = true
	return text
}

// begins is the answer that begins a session. It does not say when that ends.
func (s *Server) begins(r *http.Request, by, refresh string) reply {
	access := orgID[:15] + "!" + rand.Text()
	now := s.options.Now()
	s.grants.sessions[access] = session{refresh: by, used: now}
	issued := fmt.Sprint(now.UnixMilli())
	id := "https://login.salesforce.com/id/" + orgID + "/" + s.tables["User"].sorted()[0].ID
	mac := hmac.New(sha256.New, []byte(s.options.ClientSecret))
	mac.Write([]byte(id + issued))
	out := map[string]any{
		"access_token": access, "token_type": "Bearer", "instance_url": "http://" + r.Host, "id": id, "issued_at": issued,
		"signature": base64.StdEncoding.EncodeToString(mac.Sum(nil)), "scope": "refresh_token api",
	}
	if by == "" {
		out["scope"] = "api"
	}
	if refresh != "" {
		out["refresh_token"] = refresh
	}
	return reply{http.StatusOK, out}
}

// revoke ends a session, or a refresh token with the sessions that came of it.
func (s *Server) revoke(r *http.Request) reply {
	token := r.FormValue("token")
	_, session := s.grants.sessions[token]
	switch {
	case s.grants.refresh[token]:
		delete(s.grants.refresh, token)
		for access, of := range s.grants.sessions {
			if of.refresh == token {
				delete(s.grants.sessions, access)
			}
		}
	case session:
		delete(s.grants.sessions, token)
	default:
		return refuses("unsupported_token_type", "this token type is not supported")
	}
	return reply{status: http.StatusOK}
}
