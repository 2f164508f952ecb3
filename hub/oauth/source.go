package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/store"
)

// Source gives one connection's access tokens.
type Source struct {
	keeper *Keeper
	client Client
	// turn is held by the one of this process who looks for a token; it guards what follows.
	turn   chan struct{}
	held   adapters.Secret
	heldAs int64 // version
}

// used is where a call notes by which token it was made.
type used struct{ version int64 }

type usedKey struct{}

// Token is the access token for a call that is made now.
func (s *Source) Token(ctx context.Context) (adapters.Secret, error) {
	return s.token(ctx, 0)
}

// token is one that is newer than a version.
func (s *Source) token(ctx context.Context, after int64) (adapters.Secret, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return adapters.Secret{}, s.fault(ctx.Err())
	}
	defer func() { <-s.turn }()
	if err := s.find(ctx, after); err != nil {
		return adapters.Secret{}, s.fault(err)
	}
	if note, ok := ctx.Value(usedKey{}).(*used); ok {
		note.version = s.heldAs
	}
	return s.held, nil
}

// fault makes any failure one that the hub knows what to do about: the store's and our own are tried again.
func (s *Source) fault(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return &fault.Error{Category: fault.Transient, Op: "renew token", Message: "the connection's token cannot be had", Err: err}
}

// find takes the stored token, or has it renewed where it is too old, by this process or another. It is looked for at
// every call: some vendors end a token once another one is given, and a person may have granted access to another account.
func (s *Source) find(ctx context.Context, after int64) error {
	o := s.keeper.o
	for {
		stored, err := o.Store.OAuthToken(ctx, s.client.Connection)
		switch {
		case err != nil:
			return err
		case stored.Refusal != "":
			return &fault.Error{Category: fault.Auth, Op: "renew token", Message: stored.Refusal}
		case stored.Version == 0 && s.client.AuthorizeURL != "":
			return &fault.Error{Category: fault.Auth, Op: "renew token", Message: "nobody has granted access yet; authorize the connection"}
		case stored.Version > after && stored.Version > 0 && (stored.Left == nil || *stored.Left > margined(stored)):
			return s.take(stored)
		}
		mine, err := o.Store.LeaseOAuth(ctx, s.client.Connection, stored.Version, o.Process, leased)
		if err != nil {
			return err
		}
		if mine && stored.LeasedBy != "" {
			if stored, mine, err = s.takeOver(ctx, stored); err != nil {
				return err
			}
		}
		if mine {
			if err := s.renew(ctx, stored); err != nil {
				return err
			}
			continue
		}
		if err := wait(ctx, look); err != nil {
			return err
		}
	}
}

// takeOver gives the one whose lease ran out time to store its answer. It says whether that is still to be had.
func (s *Source) takeOver(ctx context.Context, before store.OAuthToken) (store.OAuthToken, bool, error) {
	o, name := s.keeper.o, s.client.Connection
	err := wait(ctx, grace)
	now := before
	if err == nil {
		now, err = o.Store.OAuthToken(ctx, name)
	}
	if err != nil {
		return now, false, errors.Join(err, o.Store.ReleaseOAuth(context.WithoutCancel(ctx), name, o.Process))
	}
	return now, now.LeasedBy == o.Process, nil // another one's answer, a refusal among them, has ended the lease
}

func wait(ctx context.Context, long time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(long):
		return nil
	}
}

// margined is the margin of a token.
func margined(t store.OAuthToken) time.Duration {
	if t.Left == nil {
		return 0
	}
	return min(margin, (*t.Left+t.Age)/10)
}

// take opens a stored token for use.
func (s *Source) take(stored store.OAuthToken) error {
	if s.heldAs == stored.Version {
		return nil
	}
	token, err := s.keeper.open(s.client.Connection, stored.Sealed)
	if err != nil {
		return err
	}
	s.held, s.heldAs = adapters.NewSecret(token.Access), stored.Version
	return nil
}

// renew asks the vendor and stores the answer, under the lease. Nothing is used that is not stored.
func (s *Source) renew(ctx context.Context, before store.OAuthToken) error {
	o, name := s.keeper.o, s.client.Connection
	failed := func(err error) error {
		if notSent(err) == nil {
			s.keeper.renewed.WithLabelValues(name, "failed").Inc()
		}
		return errors.Join(err, o.Store.ReleaseOAuth(context.WithoutCancel(ctx), name, o.Process))
	}
	refresh := ""
	if before.Version > 0 {
		token, err := s.keeper.open(name, before.Sealed)
		if err != nil {
			return failed(err)
		}
		refresh = token.Refresh
	}
	if refresh == "" && s.client.AuthorizeURL != "" {
		return s.refused(ctx, before.Version, &fault.Error{Category: fault.Auth, Op: "renew token", Code: usedUp,
			Message: "the token is used up and the vendor gave none to renew it by; grant access anew"})
	}
	// The vendor's answer must not get lost because somebody's patience ends: from here on, only the lease counts.
	ctx = context.WithoutCancel(ctx)
	got, err := s.client.ask(ctx, refresh)
	if err != nil {
		f := s.client.faultOf(err)
		if f.Category == fault.Auth && f.Code == usedUp && s.client.AuthorizeURL != "" {
			return s.refused(ctx, before.Version, f)
		}
		return failed(f) // a client that is refused may have another secret at the next try
	}
	sealed, err := s.keeper.seal(name, got)
	if err != nil {
		return failed(err)
	}
	kept := false
	err = s.keeper.keep(func() (err error) {
		kept, err = o.Store.RenewOAuth(ctx, name, before.Version, sealed, s.client.lifetime(got))
		return err
	})
	if err != nil {
		return failed(err)
	}
	if !kept {
		o.Log.Warn("a token was renewed that another process has renewed, too; the other is used", "connection", name)
	}
	s.keeper.renewed.WithLabelValues(name, "ok").Inc()
	return nil
}

// refused notes that no further token is given, unless another process has got one meanwhile.
func (s *Source) refused(ctx context.Context, version int64, f *fault.Error) error {
	ctx = context.WithoutCancel(ctx)
	name := s.client.Connection
	s.keeper.renewed.WithLabelValues(name, "refused").Inc()
	now, err := s.keeper.o.Store.OAuthToken(ctx, name)
	if err == nil && now.Version > version {
		return nil
	}
	s.keeper.o.Log.Error("the vendor gives no further token", "connection", name, "code", f.Code)
	if err := s.keeper.o.Store.RefuseOAuth(ctx, name, version, f.Message); err != nil {
		return err
	}
	return f
}

// Call makes a call. Where the vendor refuses its token, which may be revoked or have ended before its time, the token is
// renewed and the call fails in passing; one that was just obtained is not renewed again: then it is not the token.
func (s *Source) Call(ctx context.Context, next func(context.Context) error) error {
	note := &used{}
	err := next(context.WithValue(ctx, usedKey{}, note))
	if err == nil || fault.CategoryOf(err) != fault.Auth || note.version == 0 {
		return err
	}
	stored, lost := s.keeper.o.Store.OAuthToken(ctx, s.client.Connection)
	fresh := stored.Age < young && (stored.Left == nil || *stored.Left > 0)
	if lost != nil || stored.Refusal != "" || stored.Version == note.version && fresh {
		return err
	}
	if _, failed := s.token(ctx, note.version); failed != nil {
		return failed
	}
	refused := *fault.As(err)
	refused.Category, refused.Message = fault.Transient, "the access token was refused; there is another one now"
	return &refused
}
