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
				return list(out, limit, printDrift, func(size int32, token string) ([]*hubv1.Drift, string, error) {
					request.PageSize, request.PageToken = size, token
					answer, err := hub.Drift().ListDrift(ctx, request)
					return answer.GetDrift(), answer.GetNextPageToken(), err
				})
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
