package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/adapters/catalog"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/postgres"
	"github.com/canonhub/canonhub/hub/secrets"
	"github.com/canonhub/canonhub/hub/server"
	"github.com/canonhub/canonhub/hub/store"
)

// drainTime is how long running work may take to end after the signal to stop.
const drainTime = 20 * time.Second

func serveCommand(f *flags) *cobra.Command {
	var (
		backoff  time.Duration
		activate bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the hub",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), f, server.Options{Backoff: backoff, Activate: activate}, cmd.OutOrStdout())
		},
	}
	cmd.Flags().DurationVar(&backoff, "retry-backoff", time.Second, "upper bound of the first retry's wait; it doubles from there")
	cmd.Flags().BoolVar(&activate, "activate", false, "bring the configuration's policy in force even where a later version has replaced it")
	return cmd
}

// serve runs a hub until ctx ends.
func serve(ctx context.Context, f *flags, o server.Options, out io.Writer) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	loaded, err := f.load()
	if err != nil {
		return err
	}
	if err := checkBind(f, len(loaded.Callers) > 0); err != nil {
		return err
	}
	url, stopDatabase, err := f.database(ctx, log)
	if err != nil {
		return err
	}
	defer stopDatabase()
	o.DatabaseURL, o.Config, o.HTTPAddr, o.GRPCAddr, o.Operator, o.Log = url, loaded, f.httpAddr, f.grpcAddr, operator(), log
	hub, err := server.Start(ctx, o)
	if err != nil {
		return err
	}
	if len(loaded.Callers) == 0 {
		log.Warn("no callers are configured: whoever is on this machine may call, and nobody else")
	}
	fmt.Fprintf(out, "canonhub serves http://%s and grpc://%s\n", hub.HTTPAddr(), hub.GRPCAddr())
	<-ctx.Done()
	log.Info("stopping: running work may take its time to end", "at_most", drainTime)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return hub.Stop(drain)
}

func (f *flags) load() (*config.Config, error) {
	loaded, err := config.Load(f.config, config.Options{Env: os.LookupEnv, Factories: catalog.All()})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; name the configuration by --config, or try `go run ./hub demo`", err)
	}
	return loaded, err
}

// checkBind refuses what would open the hub to others where nobody is asked for a key.
func checkBind(f *flags, authenticates bool) error {
	for name, addr := range map[string]string{"--http-addr": f.httpAddr, "--grpc-addr": f.grpcAddr} {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return fmt.Errorf("%s: %q is no HOST:PORT", name, addr)
		}
		if ip := net.ParseIP(host); !authenticates && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("%s: %q is not on loopback, and without callers in the configuration anyone may call; name the callers there first", name, addr)
		}
	}
	return nil
}

// database is the one that was named, or the built-in one.
func (f *flags) database(ctx context.Context, log *slog.Logger) (url string, stop func(), err error) {
	if f.databaseURL != "" {
		return f.databaseURL, func() {}, nil
	}
	db, err := postgres.Start(ctx, f.dataDir, log)
	if err != nil {
		return "", nil, err
	}
	return db.URL(), func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if err := db.Stop(stopping); err != nil {
			log.Error("built-in PostgreSQL did not stop", "error", err)
		}
	}, nil
}

func checkCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Judge a configuration; with --database-url, tell which of the secrets that the hub keeps are set, too",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := f.load()
			if err != nil {
				return err
			}
			if len(loaded.Keys) > 0 {
				if _, err := secrets.OpenBy(cmd.Context(), loaded.Keys, loaded.KMS); err != nil {
					return fmt.Errorf("%s: secrets: %w", loaded.File, err)
				}
			}
			if _, err := fmt.Fprint(cmd.OutOrStdout(), loaded); err != nil || f.databaseURL == "" {
				return err
			}
			return f.withStore(cmd.Context(), func(db *store.Store) error { return tellKept(cmd.Context(), db, loaded, cmd.OutOrStdout()) })
		},
	}
}
