package signature

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// VerifyFile checks the header of a posted file: `t=…,v1=…`, signed over the time stamp, the file's name and the file,
// with a line feed behind each of the first two, which is what a shell and openssl make of
//
//	{ printf '%s\n%s\n' "$t" "$name"; cat "$file"; } | openssl dgst -sha256 -hmac "$secret"
//
// Several v1 may be there. It tells which secret it was signed with, by position.
func VerifyFile(header, name string, body []byte, secrets []adapters.Secret, now time.Time, tolerance time.Duration) (int, error) {
	at, signatures, err := fileHeader(header)
	if err != nil {
		return none, err
	}
	seconds, err := stamp(at)
	if err != nil {
		return none, err
	}
	secret, err := anyMatches(signatures, secrets, []byte(at+"\n"+name+"\n"), body)
	if err != nil {
		return none, err
	}
	return secret, within(time.Unix(seconds, 0), now, tolerance)
}

func fileHeader(header string) (at string, signatures [][]byte, err error) {
	switch {
	case header == "":
		return "", nil, ErrMissing
	case len(header) > maxHeader:
		return "", nil, fmt.Errorf("%w: it is over %d bytes", ErrMalformed, maxHeader)
	}
	for pair := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(pair, "=")
		decoded, err := hex.DecodeString(value)
		switch {
		case name == "t" && at == "":
			at = value
		case name == "v1" && err == nil:
			signatures = append(signatures, decoded)
		default:
			return "", nil, fmt.Errorf("%w: it is not t=SECONDS,v1=HEX", ErrMalformed)
		}
	}
	if len(signatures) == 0 {
		return "", nil, ErrMissing
	}
	return at, signatures, nil
}

// TimeOfFile is the time in such a header; zero where there is none. It is believed once the header is verified.
func TimeOfFile(header string) time.Time {
	at, _, err := fileHeader(header)
	seconds, wrong := stamp(at)
	if err != nil || wrong != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// SignFile makes the header, for senders in Go and for tests.
func SignFile(name string, body []byte, secret adapters.Secret, at time.Time) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(sum(secret, []byte(stamp+"\n"+name+"\n"), body))
}
