package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/store"
)

// keptCredentials is the CredentialService. Texts pass through it inwards alone: no answer and no error has one.
type keptCredentials struct {
	hubv1.UnimplementedCredentialServiceServer
	keeper Credentials
}

func serveCredentials(o Options, to grpc.ServiceRegistrar) error {
	hubv1.RegisterCredentialServiceServer(to, &keptCredentials{keeper: o.Credentials})
	return nil
}

// PutCredential adds a version.
func (s *keptCredentials) PutCredential(ctx context.Context, in *hubv1.PutCredentialRequest) (*hubv1.CredentialVersion, error) {
	key := store.CredentialKey{Connection: in.GetConnection(), Name: in.GetName()}
	text := adapters.NewSecret(in.GetValue())
	in.Value = "" // whatever prints the request from here on
	if s.keeper == nil {
		return nil, credentialFailure(credentials.ErrNoKeys, key)
	}
	overlap := time.Duration(credentials.DefaultOverlap)
	if in.GetOverlap() != nil {
		overlap = in.GetOverlap().AsDuration()
	}
	kept, err := s.keeper.Put(ctx, credentials.Put{CredentialKey: key, Text: text, Overlap: overlap, By: actorOf(ctx)})
	if err != nil {
		return nil, credentialFailure(err, key)
	}
	return credentialVersion(kept, true), nil
}

// ListCredentials reads which versions there are.
func (s *keptCredentials) ListCredentials(ctx context.Context, in *hubv1.ListCredentialsRequest) (*hubv1.ListCredentialsResponse, error) {
	key := store.CredentialKey{Connection: in.GetConnection(), Name: in.GetName()}
	if s.keeper == nil {
		return nil, credentialFailure(credentials.ErrNoKeys, key)
	}
	all, err := s.keeper.Versions(ctx, key)
	if err != nil {
		return nil, credentialFailure(err, key)
	}
	out, name := &hubv1.ListCredentialsResponse{}, ""
	for _, c := range all {
		out.Versions = append(out.Versions, credentialVersion(c, c.Valid && c.Name != name))
		if c.Valid {
			name = c.Name
		}
	}
	return out, nil
}

// RetireCredential ends a version.
func (s *keptCredentials) RetireCredential(ctx context.Context, in *hubv1.RetireCredentialRequest) (*hubv1.CredentialVersion, error) {
	key := store.CredentialKey{Connection: in.GetConnection(), Name: in.GetName()}
	if s.keeper == nil {
		return nil, credentialFailure(credentials.ErrNoKeys, key)
	}
	retired, err := s.keeper.Retire(ctx, credentials.Retire{CredentialKey: key, Version: in.GetVersion(), EvenLast: in.GetEvenLast(), By: actorOf(ctx)})
	if err != nil {
		return nil, credentialFailure(err, key)
	}
	return credentialVersion(retired, false), nil
}

// credentialFailure words an error for callers. The name is not quoted where it may be a secret in the wrong place.
func credentialFailure(err error, key store.CredentialKey) error {
	var unknown *credentials.Unknown
	var untaken *credentials.Untaken
	metadata := map[string]string{"connection": key.Connection}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return connectionNotFound(key.Connection)
	case errors.As(err, &unknown):
		return invalidField("name", unknown.Error())
	case errors.As(err, &untaken):
		return invalidField("value", untaken.Error())
	case errors.Is(err, credentials.ErrNoVersion):
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_CREDENTIAL_NOT_FOUND, message: err.Error(), metadata: metadata}
	case errors.Is(err, credentials.ErrNoKeys), errors.Is(err, credentials.ErrLast):
		return &failure{reason: hubv1.ErrorReason_ERROR_REASON_CREDENTIAL_REFUSED, message: err.Error(), metadata: metadata}
	}
	return err
}

func credentialVersion(c store.Credential, current bool) *hubv1.CredentialVersion {
	out := &hubv1.CredentialVersion{Connection: c.Connection, Name: c.Name, Version: c.Version, CreateTime: timestamppb.New(c.CreatedAt),
		CreatedBy: c.CreatedBy, RetiredBy: c.RetiredBy, State: hubv1.CredentialState_CREDENTIAL_STATE_OVERLAPPING}
	switch {
	case !c.Valid:
		out.State = hubv1.CredentialState_CREDENTIAL_STATE_RETIRED
	case current:
		out.State = hubv1.CredentialState_CREDENTIAL_STATE_CURRENT
	}
	if !c.ValidUntil.IsZero() && c.Valid {
		out.ExpireTime = timestamppb.New(c.ValidUntil)
	}
	switch {
	case !c.RetiredAt.IsZero():
		out.RetireTime = timestamppb.New(c.RetiredAt)
	case !c.Valid:
		out.RetireTime = timestamppb.New(c.ValidUntil) // it is not swept yet
	}
	return out
}
