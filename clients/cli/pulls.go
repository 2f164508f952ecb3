package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func pulls(t *tool) *cobra.Command {
	cmd := &cobra.Command{Use: "pulls", Short: "How far each kind has been read from each connection; runs by hand; what a reconcile found"}
	cmd.AddCommand(listPulls(t), startPull(t), findings(t))
	return cmd
}

func listPulls(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "list [CONNECTION]",
		Short: "List pulls and their progress: objects read, objects a second, time left",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				answer, err := hub.Pulls().ListPulls(ctx, &hubv1.ListPullsRequest{Connection: strings.Join(args, "")})
				if err != nil {
					return err
				}
				for _, p := range answer.GetPulls() {
					if err := printPull(out, p); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func printPull(out *printer, p *hubv1.Pull) error {
	head := []string{"CONNECTION", "KIND", "RUN", "STATE", "OBJECTS", "A SECOND", "LEFT", "CHANGED", "REJECTED", "NEXT", "FAILURE"}
	run := p.GetRun()
	objects := itoa(run.GetObjects())
	if run.GetTotal() > 0 {
		objects += fmt.Sprintf("/%d (%d%%)", run.GetTotal(), min(100, 100*run.GetObjects()/run.GetTotal()))
	}
	left := ""
	if run.GetTimeLeft() != nil {
		left = roughly(run.GetTimeLeft().AsDuration())
	}
	return out.row(p, head, p.GetConnection(), p.GetKind(), orDash(mode(run.GetMode())), state(p), objects, fmt.Sprintf("%.1f", run.GetRate()), orDash(left),
		itoa(run.GetChanged()), itoa(run.GetRejected()), orDash(at(p.GetNextTime())), orDash(short(p.GetFailure(), 80)))
}

func mode(m hubv1.PullMode) string { return word(m, "PULL_MODE_") }

func state(p *hubv1.Pull) string {
	s := "idle"
	switch {
	case p.GetFailures() > 0:
		s = fmt.Sprintf("failed %d times", p.GetFailures())
	case p.GetRun().GetRunning():
		s = "running"
	}
	if wanted := mode(p.GetWanted()); wanted != "" {
		s += ", " + wanted + " asked for"
	}
	return s
}

func startPull(t *tool) *cobra.Command {
	var reportOnly bool
	var why string
	cmd := &cobra.Command{
		Use:   "start CONNECTION KIND backfill|changes|reconcile",
		Short: "Have a kind read from a connection: everything, what changed, or all ids to compare them",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			m := hubv1.PullMode(hubv1.PullMode_value["PULL_MODE_"+strings.ToUpper(args[2])])
			if m == hubv1.PullMode_PULL_MODE_UNSPECIFIED {
				return fmt.Errorf("%q is none of backfill, changes, reconcile", args[2])
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				p, err := hub.Pulls().StartPull(ctx, &hubv1.StartPullRequest{Connection: args[0], Kind: args[1], Mode: m, ReportOnly: reportOnly, Why: why})
				if err != nil {
					return err
				}
				return printPull(out, p)
			})
		},
	}
	cmd.Flags().BoolVar(&reportOnly, "report-only", false, "a reconcile changes nothing and reports alone")
	cmd.Flags().StringVar(&why, "why", "", "why; it goes into the audit")
	return cmd
}

func findings(t *tool) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "findings CONNECTION KIND",
		Short: "List what the last reconcile found",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				request := &hubv1.ListPullFindingsRequest{Connection: args[0], Kind: args[1]}
				return list(out, limit, printFindings, func(size int32, token string) ([]*hubv1.PullFinding, string, error) {
					request.PageSize, request.PageToken = size, token
					answer, err := hub.Pulls().ListPullFindings(ctx, request)
					return answer.GetFindings(), answer.GetNextPageToken(), err
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list; 0 for all")
	return cmd
}

func printFindings(out *printer, found []*hubv1.PullFinding) error {
	head := []string{"FOUND", "EXTERNAL ID", "FINDING", "RECORD", "ATTRIBUTES", "REPAIRED"}
	for _, f := range found {
		repaired := "no"
		if f.GetRepaired() {
			repaired = "yes"
		}
		err := out.row(f, head, at(f.GetFindTime()), f.GetExternalId(), f.GetFinding(), orDash(f.GetRecordId()), orDash(strings.Join(f.GetPaths(), ",")), repaired)
		if err != nil {
			return err
		}
	}
	return nil
}
