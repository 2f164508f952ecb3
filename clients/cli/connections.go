package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func connections(t *tool) *cobra.Command {
	cmd := &cobra.Command{Use: "connections", Aliases: []string{"conn"}, Short: "How connections do; pauses, by operators and for refused credentials"}
	cmd.AddCommand(listConnections(t), authorize(t), credentials(t), pause(t), resume(t))
	return cmd
}

func listConnections(t *tool) *cobra.Command {
	var paused bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List connections: their phase, whether they are paused and why, and what is owed to them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				answer, err := hub.Connections().ListConnections(ctx, &hubv1.ListConnectionsRequest{})
				if err != nil {
					return err
				}
				for _, c := range answer.GetConnections() {
					if paused && c.GetPause() == nil {
						continue
					}
					if err := printConnection(out, c); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&paused, "paused", false, "only those that are paused")
	return cmd
}

func printConnection(out *printer, c *hubv1.Connection) error {
	head := []string{"NAME", "ADAPTER", "PHASE", "OWED", "BLOCKED", "DEAD", "LINKS", "PACE", "AWAY SINCE", "PAUSED SINCE", "BY", "REASON"}
	var links []string
	for _, l := range c.GetLinks() {
		links = append(links, l.GetKind()+"="+itoa(l.GetLive()))
	}
	by := c.GetPause().GetPausedBy()
	if c.GetPause() != nil && by == "" {
		by = "hub"
	}
	d := c.GetDeliveries()
	return out.row(c, head, c.GetName(), c.GetAdapter(), word(c.GetPhase(), "CONNECTION_PHASE_"), itoa(d.GetOwed()), itoa(d.GetBlocked()), itoa(d.GetDead()),
		orDash(strings.Join(links, " ")), fmt.Sprintf("%.0f%%", 100*c.GetPace()), orDash(at(c.GetOutage().GetStartTime())), orDash(at(c.GetPause().GetPauseTime())), orDash(by), orDash(short(c.GetPause().GetReason(), 100)))
}

func authorize(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "authorize NAME",
		Short: "Begin the grant of access at a vendor that has OAuth 2: print the page to open in a browser",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				answer, err := hub.Connections().AuthorizeConnection(ctx, &hubv1.AuthorizeConnectionRequest{Name: args[0]})
				if err != nil {
					return err
				}
				return out.row(answer, []string{"OPEN WITHIN A QUARTER OF AN HOUR"}, answer.GetUrl())
			})
		},
	}
}

func pause(t *tool) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "pause NAME",
		Short: "Stop all calls to a connection; what it sends is still taken in, and what is owed waits",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				c, err := hub.Connections().PauseConnection(ctx, &hubv1.PauseConnectionRequest{Name: args[0], Reason: why})
				if err != nil {
					return err
				}
				return printConnection(out, c)
			})
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "why; whoever wonders reads it")
	_ = cmd.MarkFlagRequired("why") // fails only for a flag that is not there
	return cmd
}

func resume(t *tool) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "resume NAME",
		Short: "Take a paused connection's work up again, whoever paused it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				c, err := hub.Connections().ResumeConnection(ctx, &hubv1.ResumeConnectionRequest{Name: args[0], Reason: why})
				if err != nil {
					return err
				}
				return printConnection(out, c)
			})
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "why; it goes into the audit")
	return cmd
}
