package secrets

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tink-crypto/tink-go/v2/tink"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/hashivault" // hashivault://KEY: Vault's and OpenBao's transit engine

	"github.com/canonhub/canonhub/adapters"
)

// kmsMark begins a key that is sealed itself.
const kmsMark = "kms:"

// NewKeyBy makes a key that the KMS at a URL has sealed, so that whoever has the file alone has nothing. It calls the KMS.
func NewKeyBy(ctx context.Context, kms string) (adapters.Secret, error) {
	o := &opener{url: kms}
	defer o.close()
	raw, err := newKeyset()
	if err != nil {
		return adapters.Secret{}, err
	}
	keeper, err := o.kms(ctx)
	if err != nil {
		return adapters.Secret{}, err
	}
	sealed, err := keeper.Encrypt(ctx, raw)
	if err != nil {
		return adapters.Secret{}, o.failed("seal a key", err)
	}
	return adapters.NewSecret(kmsMark + base64.StdEncoding.EncodeToString(sealed)), nil
}

// opener opens keys, with a KMS where one of them needs it.
type opener struct {
	url    string
	keeper *secrets.Keeper
}

func (o *opener) close() {
	if o.keeper != nil {
		_ = o.keeper.Close() // nothing is left to be written
	}
}

func (o *opener) kms(ctx context.Context) (*secrets.Keeper, error) {
	if o.keeper != nil {
		return o.keeper, nil
	}
	u, err := url.Parse(o.url)
	if err != nil || !secrets.DefaultURLMux().ValidKeeperScheme(u.Scheme) {
		return nil, fmt.Errorf("kms: no URL of a KMS; there are %s://", strings.Join(secrets.DefaultURLMux().KeeperSchemes(), "://, "))
	}
	o.keeper, err = secrets.OpenKeeper(ctx, o.url)
	if err != nil {
		return nil, o.failed("open", err)
	}
	return o.keeper, nil
}

// failed is a failure of the KMS, whose own words may hold what was sent.
func (o *opener) failed(doing string, err error) error {
	scheme, _, _ := strings.Cut(o.url, ":")
	return fmt.Errorf("kms: %s: the KMS of %s:// does not do it (%s); are its address, its token and the key's name right?", doing, scheme, gcerrors.Code(err))
}

func (o *opener) open(ctx context.Context, key string) (tink.AEAD, error) {
	text, sealed := strings.CutPrefix(key, kmsMark)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errNoKey
	}
	if !sealed {
		return box(raw)
	}
	if o.url == "" {
		return nil, errors.New("it is sealed by a KMS; give its URL as kms")
	}
	keeper, err := o.kms(ctx)
	if err != nil {
		return nil, err
	}
	if raw, err = keeper.Decrypt(ctx, raw); err != nil {
		return nil, o.failed("open the key", err)
	}
	return box(raw)
}
