package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func retries(t *tool) *cobra.Command {
	cmd := &cobra.Command{Use: "retries", Short: "What the hub will try again, and when"}
	cmd.AddCommand(listRetries(t))
	return cmd
}

func listRetries(t *tool) *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "list CONNECTION",
		Short: "List events and deliveries that failed or wait: attempts, the next one, and the last failure",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				request := &hubv1.ListRetriesRequest{Connection: args[0]}
				return list(out, limit, printRetries, func(size int32, token string) ([]*hubv1.Retry, string, error) {
					request.PageSize, request.PageToken = size, token
					answer, err := hub.Retries().ListRetries(ctx, request)
					return answer.GetRetries(), answer.GetNextPageToken(), err
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "how many to list; 0 for all")
	return cmd
}

func printRetries(out *printer, all []*hubv1.Retry) error {
	head := []string{"RECEIPT OR RECORD", "ATTEMPTS", "NEXT", "LAST", "SINCE", "REASON"}
	for _, r := range all {
		if err := out.row(r, head, r.GetReceiptId()+r.GetRecordId(), fmt.Sprintf("%d of %d", r.GetAttempts(), r.GetMaxAttempts()), at(r.GetNextAttemptTime()),
			orDash(at(r.GetLastAttemptTime())), at(r.GetCreateTime()), orDash(short(r.GetReason(), 100))); err != nil {
			return err
		}
	}
	return nil
}
