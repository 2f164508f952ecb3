package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func drift(t *tool) *cobra.Command {
	cmd := &cobra.Command{Use: "drift", Short: "Where vendors say something else than what their adapters were written for"}
	cmd.AddCommand(listDrift(t))
	return cmd
}

func listDrift(t *tool) *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "list [CONNECTION]",
		Short: "List the differences: unknown fields and values, fields that vanished or changed their type",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				request := &hubv1.ListDriftRequest{Connection: strings.Join(args, "")}
				more, err := pages(limit, func(size int32) (int, bool, error) {
					request.PageSize = size
					answer, err := hub.Drift().ListDrift(ctx, request)
					if err != nil {
						return 0, false, err
					}
					request.PageToken = answer.GetNextPageToken()
					return len(answer.GetDrift()), request.GetPageToken() != "", printDrift(out, answer.GetDrift())
				})
				if err != nil || !more {
					return err
				}
				return out.say("there are more: --limit 0 lists all")
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "how many to list; 0 for all")
	return cmd
}

func printDrift(out *printer, all []*hubv1.Drift) error {
	head := []string{"CONNECTION", "KIND", "CHANGE", "PATH", "DETAIL", "SEEN", "FIRST", "LAST"}
	for _, d := range all {
		if err := out.row(d, head, d.GetConnection(), d.GetKind(), d.GetChange(), short(d.GetPath(), 80), orDash(d.GetDetail()), itoa(d.GetSeen()),
			at(d.GetFirstTime()), at(d.GetLastTime())); err != nil {
			return err
		}
	}
	return nil
}
