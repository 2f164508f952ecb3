package pgtest

import "context"

// Join makes this process a user of the test server in dir, which ends once it had no users for idle seconds, and
// makes a database there.
func Join(ctx context.Context, dir string, idle int, migrate func(context.Context, string) error) error {
	s, err := builtIn(ctx, dir, idle)
	if err != nil {
		return err
	}
	_, err = s.create(ctx, "joined", migrate)
	return err
}
