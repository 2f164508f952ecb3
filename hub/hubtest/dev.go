package hubtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
)

func devDatabase(t testing.TB, migrate func(context.Context, string) error) string {
	name := fmt.Sprintf("t%x", rand.Uint64())
	admin := "postgres://postgres@127.0.0.1:54999/"
	c, err := pgx.Connect(context.Background(), admin+"postgres")
	must(t, err)
	defer c.Close(context.Background())
	_, err = c.Exec(context.Background(), "create database "+name)
	must(t, err)
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), admin+"postgres")
		must(t, err)
		defer c.Close(context.Background())
		_, err = c.Exec(context.Background(), "drop database "+name+" with (force)")
		must(t, err)
	})
	must(t, migrate(context.Background(), admin+name))
	return admin + name
}
