package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

func deadLetters(t *tool) *cobra.Command {
	cmd := &cobra.Command{Use: "dead-letters", Aliases: []string{"dl"}, Short: "What the hub gave up on"}
	cmd.AddCommand(listDeadLetters(t), showDeadLetter(t), redrive(t), discard(t))
	return cmd
}

// choice are the flags of a hubv1.DeadLetterFilter.
type choice struct {
	connection, kind, category, subject, since, before string
}

func (c *choice) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.connection, "connection", "", "only of this connection")
	f.StringVar(&c.kind, "kind", "", "only deliveries of records of this kind")
	f.StringVar(&c.category, "category", "", "only of this category: permanent, transient, conflict, internal")
	f.StringVar(&c.subject, "subject", "", "only these: receipt, or delivery")
	f.StringVar(&c.since, "since", "", "only those given up since: a time (2026-03-01T12:00:00Z), or how long ago (24h)")
	f.StringVar(&c.before, "before", "", "only those given up before; as --since")
}

// given says that any of the flags was.
func (c *choice) given() bool { return *c != choice{} }

func (c *choice) filter(now time.Time) (*hubv1.DeadLetterFilter, error) {
	since, err := readTime("--since", c.since, now)
	if err != nil {
		return nil, err
	}
	before, err := readTime("--before", c.before, now)
	if err != nil {
		return nil, err
	}
	f := &hubv1.DeadLetterFilter{Connection: c.connection, Kind: c.kind, Category: c.category, Since: since, Before: before}
	switch c.subject {
	case "":
	case "receipt":
		f.Subject = hubv1.DeadLetterSubject_DEAD_LETTER_SUBJECT_RECEIPT
	case "delivery":
		f.Subject = hubv1.DeadLetterSubject_DEAD_LETTER_SUBJECT_DELIVERY
	default:
		return nil, fmt.Errorf("--subject: %q is none of receipt, delivery", c.subject)
	}
	return f, nil
}

func readTime(flag, text string, now time.Time) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return timestamppb.New(now.Add(-ago)), nil
	}
	then, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is neither a time such as 2026-03-01T12:00:00Z nor how long ago, such as 24h", flag, text)
	}
	return timestamppb.New(then), nil
}

func listDeadLetters(t *tool) *cobra.Command {
	var c choice
	var limit int
	var closed bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, the oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := c.filter(time.Now())
			if err != nil {
				return err
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				request := &hubv1.ListDeadLettersRequest{Filter: filter, IncludeClosed: closed}
				return list(out, limit, printDeadLetters, func(size int32, token string) ([]*hubv1.DeadLetter, string, error) {
					request.PageSize, request.PageToken = size, token
					answer, err := hub.DeadLetters().ListDeadLetters(ctx, request)
					return answer.GetDeadLetters(), answer.GetNextPageToken(), err
				})
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&closed, "closed", false, "closed ones, too")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list; 0 for all")
	return cmd
}

func printDeadLetters(out *printer, letters []*hubv1.DeadLetter) error {
	head := []string{"ID", "GIVEN UP", "CONNECTION", "SUBJECT", "CATEGORY", "ATTEMPTS", "REDRIVES", "CLOSED", "REASON"}
	for _, d := range letters {
		err := out.row(d, head, strconv.FormatInt(d.GetId(), 10), at(d.GetCreateTime()), d.GetConnection(), subject(d), d.GetCategory(),
			fmt.Sprint(d.GetAttempts()), fmt.Sprint(d.GetRedrives()), orDash(closing(d)), short(d.GetReason(), 100))
		if err != nil {
			return err
		}
	}
	return nil
}

func subject(d *hubv1.DeadLetter) string {
	if d.GetRecordId() != "" {
		return d.GetRecordId()
	}
	return "receipt " + d.GetReceiptId()
}

func closing(d *hubv1.DeadLetter) string { return word(d.GetClosing(), "DEAD_LETTER_CLOSING_") }

func showDeadLetter(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one: its reason, the event as it came, and what led to it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				d, err := hub.DeadLetters().GetDeadLetter(ctx, &hubv1.GetDeadLetterRequest{Id: id})
				if err != nil {
					return err
				}
				return printDeadLetter(out, d)
			})
		},
	}
}

func number(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is no number of a dead letter; `dead-letters list` tells them", text)
	}
	return id, nil
}

func printDeadLetter(out *printer, d *hubv1.DeadLetter) error {
	err := out.one(d, []field{
		{"id", strconv.FormatInt(d.GetId(), 10)},
		{"connection", d.GetConnection()},
		{"receipt", d.GetReceiptId()},
		{"record", d.GetRecordId()},
		{"category", d.GetCategory()},
		{"reason", d.GetReason()},
		{"attempts", fmt.Sprint(d.GetAttempts())},
		{"redrives", fmt.Sprint(d.GetRedrives())},
		{"correlation id", d.GetCorrelationId()},
		{"given up", at(d.GetCreateTime())},
		{"closed", at(d.GetCloseTime())},
		{"how", closing(d)},
		{"by", d.GetClosedBy()},
		{"why", d.GetWhy()},
		{"body", string(d.GetBody())},
	})
	if err != nil || out.format == asJSON || len(d.GetTrail()) == 0 {
		return err
	}
	if err := out.say(""); err != nil {
		return err
	}
	head := []string{"TIME", "ACTION", "CONNECTION", "RECORD", "ACTOR", "DETAIL"}
	for _, e := range d.GetTrail() {
		err := out.row(nil, head, at(e.GetTime()), e.GetAction(), orDash(e.GetConnection()), orDash(e.GetRecordId()), orDash(e.GetActor()), e.GetDetail())
		if err != nil {
			return err
		}
	}
	return nil
}
