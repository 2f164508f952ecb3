package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/oauth"
	"github.com/canonhub/canonhub/hub/secrets"
	"github.com/canonhub/canonhub/hub/store"
)

// maxSecret is the size in bytes of the longest secret.
const maxSecret = 64 << 10

// secretsCommand helps with what the hub seals.
func secretsCommand(f *flags) *cobra.Command {
	cmd := &cobra.Command{Use: "secrets", Short: "What the hub keeps of vendors' secrets, and the keys by which it seals that"}
	cmd.AddCommand(secretsKey(), secretsPut(f), secretsReseal(f))
	return cmd
}

func secretsKey() *cobra.Command {
	kms := ""
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make a key for secrets.keys and print it; keep it in a file or an environment variable, and nowhere else",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := secrets.NewKey()
			if kms != "" {
				key, err = secrets.NewKeyBy(cmd.Context(), kms)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Reveal())
			return err
		},
	}
	cmd.Flags().StringVar(&kms, "kms", "", "have the key sealed by what is at this URL, as secrets.kms has it: hashivault://KEY, with VAULT_ADDR and VAULT_TOKEN in the environment")
	return cmd
}

// secretsPut is for a hub that does not run yet; once it does, operators do it over its API.
func secretsPut(f *flags) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "put CONNECTION NAME",
		Short: "Keep a credential, webhook.secrets or oauth.client_secret of a connection, sealed, in the hub's database; the text is read from standard input",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readSecret(cmd.InOrStdin())
			if err != nil {
				return err
			}
			put := credentials.Put{CredentialKey: store.CredentialKey{Connection: args[0], Name: args[1]}, Text: text, Overlap: overlap, By: operator()}
			return f.withCredentials(cmd.Context(), func(k *credentials.Keeper, _ *store.Store, _ *secrets.Box) error {
				kept, err := k.Put(cmd.Context(), put)
				if errors.Is(err, store.ErrNotFound) {
					return errors.New("no connection of the configuration has this name")
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s v%d of %s is kept; running hubs use it within seconds\n", kept.Name, kept.Version, kept.Connection)
				return err
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", credentials.DefaultOverlap, "how long the versions before are good beside it")
	return cmd
}

// readSecret reads a secret as files hold them: line breaks at its end are none of it.
func readSecret(in io.Reader) (adapters.Secret, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	switch text = bytes.TrimRight(text, "\r\n"); {
	case err != nil:
		return adapters.Secret{}, fmt.Errorf("read the secret from standard input: %w", err)
	case len(text) == 0:
		return adapters.Secret{}, errors.New("standard input has no secret")
	case len(text) > maxSecret:
		return adapters.Secret{}, errors.New("standard input is larger than 64 KiB; give the secret alone")
	}
	return adapters.NewSecret(string(text)), nil
}

func secretsReseal(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "reseal",
		Short: "Seal anew, by the first of secrets.keys, what another one has sealed; once that is done and all hubs have the first one first, the others can be dropped",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.withCredentials(cmd.Context(), func(k *credentials.Keeper, db *store.Store, box *secrets.Box) error {
				return reseal(cmd.Context(), cmd.OutOrStdout(), func(ctx context.Context) (int, error) {
					kept, err := k.Reseal(ctx)
					tokens, more := oauth.Reseal(ctx, db, box)
					return kept + tokens, errors.Join(err, more)
				})
			})
		},
	}
}

// passes bounds how often all is looked through: a hub that renews tokens may seal another one by an older key.
const passes = 10

// reseal looks through all until nothing is found that another key has sealed.
func reseal(ctx context.Context, out io.Writer, pass func(context.Context) (int, error)) error {
	total := 0
	for range passes {
		found, err := pass(ctx)
		if err != nil {
			return err
		}
		if total += found; found == 0 {
			_, err := fmt.Fprintf(out, "%d secrets were sealed anew; no other key than the first of secrets.keys is needed for what is kept\n", total)
			return err
		}
	}
	return errors.New("secrets are still sealed by another key than the first of secrets.keys: does a hub run that has another one first?")
}

// withCredentials opens the database and what is kept in it, by the configuration's keys.
func (f *flags) withCredentials(ctx context.Context, do func(*credentials.Keeper, *store.Store, *secrets.Box) error) error {
	loaded, err := f.load()
	if err != nil {
		return err
	}
	if len(loaded.Keys) == 0 {
		return credentials.ErrNoKeys
	}
	box, err := secrets.OpenBy(ctx, loaded.Keys, loaded.KMS)
	if err != nil {
		return fmt.Errorf("%s: secrets: %w", loaded.File, err)
	}
	return f.withMigrated(ctx, func(db *store.Store) error {
		keeper, err := credentials.New(credentials.Options{Store: db, Box: box, Connections: loaded.Connections, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		return do(keeper, db, box)
	})
}

// withMigrated opens the database that a hub serves from, or will.
func (f *flags) withMigrated(ctx context.Context, do func(*store.Store) error) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	url, stop, err := f.database(ctx, log)
	if err != nil {
		return err
	}
	defer stop()
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	return do(db)
}

// tellKept tells which of the places whose texts the hub keeps are set.
func tellKept(ctx context.Context, db *store.Store, loaded *config.Config, out io.Writer) error {
	for _, c := range loaded.Connections {
		good, err := db.Credentials(ctx, []string{c.Name})
		if err != nil {
			return err
		}
		for _, place := range c.Places() {
			if !c.Kept(place) {
				continue
			}
			state := "missing"
			for _, v := range good {
				if v.Name == place && state == "missing" {
					state = fmt.Sprintf("set, v%d", v.Version)
				}
			}
			if _, err := fmt.Fprintf(out, "kept for %s: %s %s\n", c.Name, place, state); err != nil {
				return err
			}
		}
	}
	return nil
}
