package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/protobuf/types/known/durationpb"

	canonhub "github.com/canonhub/canonhub/clients/go"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// maxSecret is the size in bytes of the longest secret that a hub keeps.
const maxSecret = 64 << 10

func credentials(t *tool) *cobra.Command {
	cmd := &cobra.Command{Use: "credentials", Short: "What the hub keeps for connections to sign in with, and to verify webhooks by; texts go in and never come out"}
	cmd.AddCommand(setCredential(t), listCredentials(t), retireCredential(t))
	return cmd
}

func setCredential(t *tool) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "set CONNECTION NAME",
		Short: "Keep a new version: of a credential by its name, of webhook.secrets, or of oauth.client_secret",
		Long: "Keep a new version: of a credential by its name, of webhook.secrets, or of oauth.client_secret.\n" +
			"The text is read from standard input, or asked for where that is a terminal; it is never an argument, which others on the machine see.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := readSecret(cmd)
			if err != nil {
				return err
			}
			request := &hubv1.PutCredentialRequest{Connection: args[0], Name: args[1], Value: value}
			if cmd.Flags().Changed("overlap") {
				request.Overlap = durationpb.New(overlap)
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				version, err := hub.Credentials().PutCredential(ctx, request)
				if err != nil {
					return err
				}
				return printVersion(out, version)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the versions before are good beside it; 0 ends them at once")
	return cmd
}

// readSecret reads the text without showing it. Line breaks at its end are none of it.
func readSecret(cmd *cobra.Command) (string, error) {
	text, err := secretText(cmd)
	switch text = bytes.TrimRight(text, "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("read the text: %w", err)
	case len(text) == 0:
		return "", errors.New("there is no text; give it on standard input")
	case len(text) > maxSecret:
		return "", errors.New("the text is larger than 64 KiB; give the secret alone")
	}
	return string(text), nil
}

func secretText(cmd *cobra.Command) ([]byte, error) {
	in, isFile := cmd.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		return io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxSecret+3))
	}
	fmt.Fprint(cmd.ErrOrStderr(), "text (it is not shown): ")
	defer fmt.Fprintln(cmd.ErrOrStderr())
	return term.ReadPassword(int(in.Fd()))
}

func listCredentials(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "list CONNECTION [NAME]",
		Short: "List the versions: which are good, until when, and who put them there",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				answer, err := hub.Credentials().ListCredentials(ctx, &hubv1.ListCredentialsRequest{Connection: args[0], Name: strings.Join(args[1:], "")})
				if err != nil {
					return err
				}
				for _, version := range answer.GetVersions() {
					if err := printVersion(out, version); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func retireCredential(t *tool) *cobra.Command {
	var last bool
	cmd := &cobra.Command{
		Use:   "retire CONNECTION NAME VERSION",
		Short: "End a version at once, and have its text forgotten; where that is the newest, the one before takes its place if it is still good",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.ParseInt(strings.TrimPrefix(args[2], "v"), 10, 64)
			if err != nil || version < 1 {
				return fmt.Errorf("%q is no version; `connections credentials list` tells them", args[2])
			}
			return t.with(cmd, func(ctx context.Context, hub *canonhub.Client, out *printer) error {
				retired, err := hub.Credentials().RetireCredential(ctx,
					&hubv1.RetireCredentialRequest{Connection: args[0], Name: args[1], Version: version, EvenLast: last})
				if err != nil {
					return err
				}
				return printVersion(out, retired)
			})
		},
	}
	cmd.Flags().BoolVar(&last, "even-last", false, "even where no other version is good, and the connection stands without")
	return cmd
}

func printVersion(out *printer, v *hubv1.CredentialVersion) error {
	head := []string{"CONNECTION", "NAME", "VERSION", "STATE", "PUT", "BY", "GOOD UNTIL", "RETIRED", "BY"}
	return out.row(v, head, v.GetConnection(), v.GetName(), itoa(v.GetVersion()), word(v.GetState(), "CREDENTIAL_STATE_"), at(v.GetCreateTime()),
		v.GetCreatedBy(), orDash(at(v.GetExpireTime())), orDash(at(v.GetRetireTime())), orDash(v.GetRetiredBy()))
}
