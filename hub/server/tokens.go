package server

import (
	"context"
	"log/slog"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/oauth"
	"github.com/canonhub/canonhub/hub/secrets"
)

// openTokens makes the keeper of tokens, where there is a key to seal them with.
func (s *Server) openTokens(o Options, box *secrets.Box) error {
	if box == nil {
		return nil
	}
	var err error
	s.tokens, err = oauth.New(oauth.Options{Store: s.Store, Box: box, Process: s.id, Log: o.Log, Metrics: s.metrics})
	return err
}

// addTokens gives a connection its tokens.
func (s *Server) addTokens(c config.Connection, spec *connection.Spec, log *slog.Logger) {
	at := c.Factory.OAuth(spec.Settings)
	source := s.tokens.Add(oauth.Client{Connection: c.Name, OAuth: at, ID: c.OAuth.ID, Secret: c.OAuth.Secret,
		Renewed: func() adapters.Secret { return s.credentials.ClientSecret(c.Name) }, RedirectURL: c.OAuth.RedirectURL,
		HTTP: s.limits.Beside(c.Name, httpapi.NewHTTPClient(httpapi.Options{Log: log, BaseURL: at.TokenURL}))})
	spec.Settings.Token = source.Token
	measured := spec.Around.Call
	spec.Around.Call = func(ctx context.Context, call around.Call, next func(context.Context) error) error {
		return source.Call(ctx, func(ctx context.Context) error { return measured(ctx, call, next) })
	}
}

// grants is who grants access; nil where nobody does.
func (s *Server) grants() api.Grants {
	if s.tokens == nil {
		return nil
	}
	return s.tokens
}
