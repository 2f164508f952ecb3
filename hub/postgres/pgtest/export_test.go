package pgtest

import "context"

// BuiltIn joins the test server of another directory with another patience, and tells where a database of it is found. The process stays
// its user until release is called.
func BuiltIn(ctx context.Context, dir string, idle int) (url func(database string) string, release func(), err error) {
	s, err := builtIn(ctx, dir, idle)
	if err != nil {
		return nil, nil, err
	}
	return s.url, func() { s.pool.Close(); _ = s.alive.Close(context.WithoutCancel(ctx)) }, nil
}
