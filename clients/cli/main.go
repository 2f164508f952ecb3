// Command cli is the operators' hand tool for a running hub, built as canonhub: what it gave up on, which connections are paused,
// what they sign in with, how far pulls are. It speaks gRPC.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	canonhub "github.com/canonhub/canonhub/clients/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, strings.TrimPrefix(visible(err.Error()), "canonhub: "))
		stop()
		os.Exit(1)
	}
}

// tool is what all commands share.
type tool struct {
	hub, keyFile string
	tls          bool
	timeout      time.Duration
	output       output
}

func root() *cobra.Command {
	var t tool
	cmd := &cobra.Command{
		Use:           "canonhub",
		Short:         "Operate a running hub: dead letters, retries, connections, pulls, drift",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	p := cmd.PersistentFlags()
	p.StringVar(&t.hub, "hub", fromEnvironment("CANONHUB_ADDR", "127.0.0.1:9090"), "the hub's gRPC address; also CANONHUB_ADDR")
	p.BoolVar(&t.tls, "tls", false, "speak TLS to a hub on this machine, too; to others it always does")
	p.StringVar(&t.keyFile, "api-key-file", "", "a file with the API key; without it CANONHUB_API_KEY has it")
	p.DurationVar(&t.timeout, "timeout", 30*time.Second, "how long one call may take")
	p.VarP(&t.output, "output", "o", "table, or json: one message a line, as REST has it")
	for _, group := range []*cobra.Command{deadLetters(&t), connections(&t), pulls(&t), retries(&t), drift(&t)} {
		group.RunE = choose
		cmd.AddCommand(group)
	}
	return cmd
}

// choose is what a group does by itself: it shows what there is. A word that is none of its commands is a mistake, also
// for the script that wrote it.
func choose(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return fmt.Errorf("%q is no command; `%s --help` lists them", args[0], cmd.CommandPath())
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// with does something with the hub.
func (t *tool) with(cmd *cobra.Command, do func(context.Context, *canonhub.Client, *printer) error) error {
	options := []canonhub.Option{canonhub.WithTimeout(t.timeout)}
	key, err := t.apiKey()
	if err != nil {
		return err
	}
	if key != "" {
		options = append(options, canonhub.WithAPIKey(key))
	}
	if canonhub.IsLocal(t.hub) && !t.tls {
		options = append(options, canonhub.WithInsecure())
	}
	client, err := canonhub.Dial(t.hub, options...)
	if err != nil {
		return err
	}
	out := newPrinter(cmd.OutOrStdout(), t.output)
	return errors.Join(t.explain(do(cmd.Context(), client, out)), out.flush(), client.Close())
}

// explain says first what an operator can do about.
func (t *tool) explain(err error) error {
	if status.Code(err) != codes.Unavailable {
		return err
	}
	return fmt.Errorf("no hub answers at %s (--hub, or CANONHUB_ADDR): %s", t.hub, strings.TrimPrefix(err.Error(), "canonhub: "))
}

// apiKey is never an argument: other users of the machine see those.
func (t *tool) apiKey() (string, error) {
	if t.keyFile == "" {
		return os.Getenv("CANONHUB_API_KEY"), nil
	}
	text, err := os.ReadFile(t.keyFile)
	if err != nil {
		return "", fmt.Errorf("--api-key-file: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
