package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/server"
	"github.com/canonhub/canonhub/hub/store"
)

func planCommand(f *flags) *cobra.Command {
	var samples int
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Tell what the policy of a configuration would change; nothing is written",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if samples < 0 {
				return fmt.Errorf("--samples: %d is less than none", samples)
			}
			return makePlan(cmd.Context(), f, samples, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&samples, "samples", 3, "how many changes to show of each attribute")
	return cmd
}

func makePlan(ctx context.Context, f *flags, samples int, out io.Writer) (err error) {
	log, err := f.logger()
	if err != nil {
		return err
	}
	loaded, err := f.load()
	if err != nil {
		return err
	}
	connections, err := server.OpenConnections(loaded, log)
	if err != nil {
		return err
	}
	url, stopDatabase, err := f.database(ctx, log)
	if err != nil {
		return err
	}
	defer stopDatabase()
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	total, err := db.CountRecords(ctx)
	if err != nil {
		return errors.Join(errors.New("the records cannot be counted; a hub must have been started on this database once"), err)
	}
	options := plan.Options{Store: db, Policy: loaded.Policy, Connections: connections, Samples: samples}
	if isTerminal(os.Stderr) {
		options.Progress = func(done int) {
			if done%100 == 0 || done == total {
				fmt.Fprintf(os.Stderr, "\r%3d%% of %d records", min(100, 100*done/max(1, total)), total)
			}
		}
		defer fmt.Fprint(os.Stderr, "\r\033[K")
	}
	report, err := plan.Make(ctx, options)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, report)
	return err
}
