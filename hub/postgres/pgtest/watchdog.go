package pgtest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/postgres/internal/cluster"
)

// idle is for how many seconds a server without users stays up, for the next run to find it warm.
const idle = 30

// watchdog runs inside the server, as a statement whose client may long be gone: PostgreSQL notices that only when it
// has something to say. Each second it tries to take the users' lock for itself. A process that arrives when it has
// taken it for good waits for that lock until the server goes down, and then starts the server again; so none is cut
// off at work. A process of our own, outside, was rejected: a test binary cannot be run as something else without the
// help of each package.
const watchdog = `
do $$
declare
	quiet int := 0;
begin
	while quiet < %[1]d loop
		commit;
		perform pg_sleep(1);
		if pg_try_advisory_lock(%[2]d, 0) then
			quiet := quiet + 1;
			if quiet < %[1]d then
				perform pg_advisory_unlock(%[2]d, 0);
			end if;
		else
			quiet := 0;
		end if;
	end loop;
	copy (select where false) to program 'kill -INT $(head -n 1 postmaster.pid)';
	perform pg_sleep(60);
end $$`

// attach makes this process a user of the built-in server, and leaves it with a watchdog.
func attach(ctx context.Context, own *cluster.Server, idle int) (*server, error) {
	for {
		s, err := connect(ctx, own.URL("postgres"))
		if err == nil {
			return s, s.guard(ctx, own, idle)
		}
		select { // the watchdog won: the cluster restarts the server
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// guard starts the watchdog unless there is one. Whoever starts it found a server that was just started.
func (s *server) guard(ctx context.Context, own *cluster.Server, idle int) error {
	conn, err := pgx.Connect(ctx, own.SuperuserURL())
	if err != nil {
		return err
	}
	var first bool
	err = conn.QueryRow(ctx, `select pg_try_advisory_lock($1, 0)`, lockWatchdog).Scan(&first)
	if err != nil || !first {
		_ = conn.Close(ctx)
		return err
	}
	if err := s.sweepTemplates(ctx); err != nil {
		_ = conn.Close(ctx)
		return err
	}
	go func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf(watchdog, idle, lockUsers))
	}()
	return nil
}
