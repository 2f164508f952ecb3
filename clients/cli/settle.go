package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// settling is how dead letters are chosen to be closed: by their numbers, or by a filter.
type settling struct {
	choice
	all bool
	why string
}

func (s *settling) flags(cmd *cobra.Command) {
	s.choice.flags(cmd)
	cmd.Flags().BoolVar(&s.all, "all", false, "all that are open and the other flags do not leave out")
	cmd.Flags().StringVar(&s.why, "why", "", "why; kept with it and in the audit")
}

// check refuses to guess: neither nothing nor everything is meant by leaving all out.
func (s *settling) check(args []string) error {
	switch {
	case len(args) == 0 && !s.given() && !s.all:
		return errors.New("say which: their numbers, flags that choose some, or --all")
	case len(args) > 0 && (s.given() || s.all):
		return errors.New("give numbers, or flags that choose; not both")
	}
	return nil
}

func redrive(t *tool) *cobra.Command {
	var s settling
	var rate float64
	cmd := &cobra.Command{
		Use:   "redrive [ID ...]",
		Short: "Have their work done again: by number, or all that a filter finds, at a rate",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(args); err != nil {
				return err
			}
			switch paced := cmd.Flags().Changed("rate"); {
			case paced && len(args) > 0:
				return errors.New("--rate is for those that a filter finds; the numbers given are redriven at once")
			case !(rate > 0):
				return errors.New("--rate: give how many a second, more than 0")
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				if len(args) == 0 {
					return s.redriveAll(ctx, hub, out, rate)
				}
				return eachNumber(args, func(id int64) error {
					d, err := hub.DeadLetters().RedriveDeadLetter(ctx, &hubv1.RedriveDeadLetterRequest{Id: id, Why: s.why})
					if err != nil {
						return err
					}
					return printDeadLetters(out, []*hubv1.DeadLetter{d})
				})
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().Float64Var(&rate, "rate", 10, "how many a second, of those that a filter finds; at most 1000")
	return cmd
}

func (s *settling) redriveAll(ctx context.Context, hub *canonhub.Client, out *printer, rate float64) error {
	filter, err := s.filter(time.Now())
	if err != nil {
		return err
	}
	if _, err := hub.DeadLetters().RedriveDeadLetters(ctx, &hubv1.RedriveDeadLettersRequest{Filter: filter, Rate: rate, Why: s.why}); err != nil {
		return err
	}
	return out.say("the hub redrives them at %g a second; `dead-letters list` tells how many are left", rate)
}

func discard(t *tool) *cobra.Command {
	var s settling
	cmd := &cobra.Command{
		Use:   "discard [ID ...]",
		Short: "Say that their work is not to be done, and why: by number, or all that a filter finds",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(args); err != nil {
				return err
			}
			if s.why == "" {
				return errors.New("--why: say why; it is kept")
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				if len(args) == 0 {
					return s.discardAll(ctx, hub, out)
				}
				return eachNumber(args, func(id int64) error {
					d, err := hub.DeadLetters().DiscardDeadLetter(ctx, &hubv1.DiscardDeadLetterRequest{Id: id, Why: s.why})
					if err != nil {
						return err
					}
					return printDeadLetters(out, []*hubv1.DeadLetter{d})
				})
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *settling) discardAll(ctx context.Context, hub *canonhub.Client, out *printer) error {
	// What dies after this is not meant.
	if s.before == "" {
		s.before = "0s"
	}
	filter, err := s.filter(time.Now())
	if err != nil {
		return err
	}
	sum := &hubv1.DiscardDeadLettersResponse{}
	for {
		answer, err := hub.DeadLetters().DiscardDeadLetters(ctx, &hubv1.DiscardDeadLettersRequest{Filter: filter, Why: s.why})
		if err != nil {
			return err
		}
		if answer.GetDiscarded() == 0 {
			break
		}
		sum.Discarded += answer.GetDiscarded()
	}
	return out.row(sum, []string{"DISCARDED"}, itoa(int64(sum.GetDiscarded())))
}

// eachNumber reads all numbers before it begins with any.
func eachNumber(args []string, do func(int64) error) error {
	ids := make([]int64, len(args))
	for i, text := range args {
		id, err := number(text)
		if err != nil {
			return err
		}
		ids[i] = id
	}
	for _, id := range ids {
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}
