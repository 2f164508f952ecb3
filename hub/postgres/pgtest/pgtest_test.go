package pgtest_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/postgres/pgtest"
)

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, `create table things (id int primary key)`)
	return err
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 3 {
		conn := connect(t, pgtest.New(t, "pgtest-things", migrate))
		if _, err := conn.Exec(t.Context(), `insert into things values (1)`); err != nil {
			t.Error(err)
		}
		var zone string
		if err := conn.QueryRow(t.Context(), `show timezone`).Scan(&zone); err != nil || zone != "Canada/Newfoundland" {
			t.Errorf("time zone %q, %v", zone, err)
		}
	}
}

func TestKeyChangesWithTheFiles(t *testing.T) {
	t.Parallel()
	one := pgtest.Key("k", fstest.MapFS{"1.sql": {Data: []byte("select 1")}})
	two := pgtest.Key("k", fstest.MapFS{"1.sql": {Data: []byte("select 2")}})
	if one == two {
		t.Errorf("both keys are %s", one)
	}
}
