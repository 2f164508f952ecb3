package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/hub/secrets"
)

// secretsCommand helps with what the hub seals.
func secretsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "secrets", Short: "The keys by which the hub seals what it keeps of vendors' secrets"}
	cmd.AddCommand(&cobra.Command{
		Use:   "key",
		Short: "Make a key for secrets.keys and print it; keep it in a file or an environment variable, and nowhere else",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := secrets.NewKey()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Reveal())
			return err
		},
	})
	return cmd
}
