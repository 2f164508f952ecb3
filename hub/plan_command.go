package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/server"
	"github.com/canonhub/canonhub/hub/store"
)

// planning is what a plan is asked for.
type planning struct {
	samples int
	// apply activates the policy if nothing has moved since the plan.
	apply bool
	activation
}

func planCommand(f *flags) *cobra.Command {
	var p planning
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Tell what the policy of a configuration would change; nothing is written, unless --apply says so",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case p.samples < 0:
				return fmt.Errorf("--samples: %d is less than none", p.samples)
			case p.comment != "" && !p.apply:
				return errors.New("--comment is kept with what --apply activates; a plan alone keeps nothing")
			}
			return makePlan(cmd.Context(), f, p, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&p.samples, "samples", 3, "how many changes to show of each attribute")
	cmd.Flags().Int64Var(&p.version, "version", 0, "plan an earlier version of the policy instead of the configuration's")
	cmd.Flags().BoolVar(&p.apply, "apply", false, "activate the policy once the plan is printed, if no other was activated meanwhile")
	cmd.Flags().StringVar(&p.comment, "comment", "", "with --apply, why; kept with the version")
	return cmd
}

func makePlan(ctx context.Context, f *flags, p planning, out io.Writer) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	loaded, err := f.load()
	if err != nil {
		return err
	}
	connections, err := server.OpenConnections(loaded, limits.New(limits.Options{Log: log}), log, func(config.Connection, *connection.Spec) {})
	if err != nil {
		return err
	}
	return f.withStore(ctx, func(db *store.Store) error {
		policy, err := policyToActivate(ctx, db, loaded, p.version)
		if err != nil {
			return err
		}
		options := plan.Options{Store: db, Policy: policy, Connections: connections, Samples: p.samples}
		report, err := withBar(ctx, options)
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		if _, err := fmt.Fprint(out, report); err != nil {
			return err
		}
		if !p.apply {
			_, err = fmt.Fprintf(out, "to activate it: apply --plan %s\n", report.Digest)
			return err
		}
		policy.ActivatedBy, policy.Comment = operator(), p.comment
		return activatePolicy(ctx, db, policy, report.Digest, out)
	})
}

// withBar makes a plan and shows on a terminal how far it is.
func withBar(ctx context.Context, o plan.Options) (*plan.Report, error) {
	if isTerminal(os.Stderr) {
		o.Progress = func(done, total int) {
			if done%100 == 0 || done == total {
				fmt.Fprintf(os.Stderr, "\r%3d%% of %d records", 100*done/total, total)
			}
		}
		defer fmt.Fprint(os.Stderr, "\r\033[K")
	}
	return plan.Make(ctx, o)
}
