package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/server"
	"github.com/canonhub/canonhub/hub/store"
)

// policyCommand shows the versions of the policy and activates earlier ones.
func policyCommand(f *flags) *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "The versions of the policy: who activated which, when and why"}
	limit, comment := 0, ""
	list := &cobra.Command{
		Use:   "list",
		Short: "List the versions, the newest first; that is the active one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.withStore(cmd.Context(), func(db *store.Store) error { return listPolicies(cmd.Context(), db, limit, cmd.OutOrStdout()) })
		},
	}
	list.Flags().IntVar(&limit, "limit", 20, "how many to list")
	activate := &cobra.Command{
		Use:   "activate VERSION",
		Short: "Make what an earlier version says the active policy again; plan --version tells before what that changes",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || version < 1 {
				return fmt.Errorf("%q is no version; `policy list` tells which there are", args[0])
			}
			return f.activate(cmd.Context(), activation{version: version, comment: comment}, cmd.OutOrStdout())
		},
	}
	activate.Flags().StringVar(&comment, "comment", "", "why; kept with the version")
	cmd.AddCommand(list, activate)
	return cmd
}

// applyCommand activates what a plan has shown.
func applyCommand(f *flags) *cobra.Command {
	var a activation
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Activate the policy of a configuration as a plan has shown it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.plan == "" {
				return errors.New("--plan: give the plan that `plan` printed last, so that nothing else is activated than what it showed")
			}
			return f.activate(cmd.Context(), a, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&a.plan, "plan", "", "the plan, as `plan` printed it")
	cmd.Flags().Int64Var(&a.version, "version", 0, "an earlier version of the policy instead of the configuration's")
	cmd.Flags().StringVar(&a.comment, "comment", "", "why; kept with the version")
	return cmd
}

// activation is what is to be activated.
type activation struct {
	// version that was active before; 0 for the configuration's policy.
	version int64
	// plan that must still hold; empty for none.
	plan    string
	comment string
}

// activate makes a policy the active one, in the database: the hubs on it follow within seconds, or when they start.
func (f *flags) activate(ctx context.Context, a activation, out io.Writer) error {
	loaded, err := f.load()
	if err != nil {
		return err
	}
	return f.withStore(ctx, func(db *store.Store) error {
		p, err := policyToActivate(ctx, db, loaded, a.version)
		if err != nil {
			return err
		}
		p.ActivatedBy, p.Comment = operator(), a.comment
		return activatePolicy(ctx, db, p, a.plan, out)
	})
}

// activatePolicy activates a policy that a plan was made for; any where the plan is empty.
func activatePolicy(ctx context.Context, db *store.Store, p *store.Policy, digest string, out io.Writer) error {
	activated, err := plan.Activate(ctx, db, p, digest)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "version %d is active; running hubs follow within seconds, and fold all records by it\n", activated.Version)
	return err
}

// policyToActivate is that of the configuration, or an earlier version's, which must suit the configuration as well.
func policyToActivate(ctx context.Context, db *store.Store, loaded *config.Config, version int64) (*store.Policy, error) {
	if version == 0 {
		p := server.PolicyOf(loaded, operator())
		return &p, nil
	}
	p, err := db.PolicyVersion(ctx, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("there is no version %d of the policy; `policy list` tells which there are", version)
	}
	if err != nil {
		return nil, err
	}
	if problems := loaded.Judge(p.Config, p.Phases); len(problems) > 0 {
		return nil, fmt.Errorf("version %d does not suit the configuration any more: %v: %s", version, problems[0].At, problems[0].Message)
	}
	return p, nil
}

func listPolicies(ctx context.Context, db *store.Store, limit int, out io.Writer) error {
	versions, err := db.PolicyVersions(ctx, 0, limit)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tACTIVATED\tBY\tFROM\tCOMMENT")
	for i, p := range versions {
		name, from := strconv.FormatInt(p.Version, 10), p.File
		if i == 0 {
			name += " (active)"
		}
		if p.Repeats > 0 {
			from = fmt.Sprintf("version %d", p.Repeats)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, p.ActivatedAt.UTC().Format(time.DateTime+"Z"), p.ActivatedBy, from, p.Comment)
	}
	return w.Flush()
}

// withStore opens the database that a hub serves from.
func (f *flags) withStore(ctx context.Context, do func(*store.Store) error) error {
	log, err := f.logger()
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
	return do(db)
}

// operator names the person who runs this program.
func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}
