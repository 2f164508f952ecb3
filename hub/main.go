// Command hub is canonhub: serve runs the hub, demo shows it at work with simulated vendors, check judges a
// configuration, plan tells what its policy would change, apply activates that, policy shows and activates its versions,
// secrets makes the keys by which vendors' secrets are sealed, and keeps the first of them.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// flags are those that all commands share.
type flags struct {
	config, dataDir, databaseURL, httpAddr, grpcAddr string
	logLevel                                         string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "hub: "+err.Error())
		stop()
		os.Exit(1)
	}
}

func root() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:           "hub",
		Short:         "canonhub keeps business records in agreement across the systems that hold them",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	p := cmd.PersistentFlags()
	p.StringVar(&f.config, "config", "canonhub.yaml", "the configuration")
	p.StringVar(&f.dataDir, "data-dir", ".canonhub", "where the built-in PostgreSQL keeps its data")
	p.StringVar(&f.databaseURL, "database-url", "", "a PostgreSQL to use instead of the built-in one")
	p.StringVar(&f.httpAddr, "http-addr", "127.0.0.1:8080", "where to serve webhooks and REST; port 0 picks one")
	p.StringVar(&f.grpcAddr, "grpc-addr", "127.0.0.1:9090", "where to serve gRPC; port 0 picks one")
	p.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	cmd.AddCommand(serveCommand(&f), demoCommand(&f), checkCommand(&f), planCommand(&f), applyCommand(&f), policyCommand(&f), secretsCommand(&f))
	return cmd
}

// logger writes to standard error; standard output belongs to the commands.
func (f *flags) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is none of debug, info, warn, error", f.logLevel)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), nil
}
