package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/hub/demo"
)

func demoCommand(f *flags) *cobra.Command {
	var exit bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the hub at work between simulated vendors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), demo.Options{Exit: exit, DataDir: f.dataDir, HTTPAddr: f.httpAddr, GRPCAddr: f.grpcAddr,
				Out: cmd.OutOrStdout(), Colour: isTerminal(os.Stdout)})
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "end after the story, with status 0 if all systems agree")
	return cmd
}

// isTerminal says whether a person reads along; colour is for them alone.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
