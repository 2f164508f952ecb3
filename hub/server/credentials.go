package server

import (
	"context"
	"fmt"

	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/secrets"
)

// openKeys makes the box of the configuration's keys; nil where it has none.
func openKeys(ctx context.Context, o Options) (*secrets.Box, error) {
	if len(o.Config.Keys) == 0 {
		return nil, nil
	}
	box, err := secrets.OpenBy(ctx, o.Config.Keys, o.Config.KMS)
	if err != nil {
		return nil, fmt.Errorf("%s: secrets: %w", o.Config.File, err)
	}
	return box, nil
}

// openCredentials makes the keeper of what connections sign in with.
func (s *Server) openCredentials(o Options, box *secrets.Box) error {
	options := credentials.Options{Store: s.Store, Connections: o.Config.Connections, Renewed: s.renewed, Log: o.Log, Metrics: s.metrics}
	if box != nil {
		options.Box = box
	}
	var err error
	s.credentials, err = credentials.New(options)
	return err
}

// renewed notes that a connection's credentials are others, and takes up the work that waited for that.
func (s *Server) renewed(ctx context.Context, c *connection.Connection) error {
	renewed, err := s.Store.RegisterConnection(ctx, c.Name, c.AdapterName, c.Fingerprint())
	if err != nil || !renewed {
		return err
	}
	return s.gate.Resume(ctx, c.Name, gate.Order{})
}

// kept is who keeps credentials, as the doors have it.
func (s *Server) kept() api.Credentials { return s.credentials }
