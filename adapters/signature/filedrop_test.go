package signature_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

var (
	fileSecret = adapters.NewSecret("a drop's secret")
	fileTime   = time.Unix(1793620800, 0)
)

// fileVector was made by a shell and openssl: see VerifyFile.
const fileVector = "t=1793620800,v1=7b23f2ec1169cbc764a62dcd910bf6b0a175a581443f468ef87c383c7236b119"

func TestAFileThatAShellSigned(t *testing.T) {
	t.Parallel()
	if secret, err := signature.VerifyFile(fileVector, "customers 1.csv", []byte("NR\r\n1\r\n"), []adapters.Secret{adapters.NewSecret("old"), fileSecret}, fileTime, time.Minute); err != nil || secret != 1 {
		t.Errorf("secret %d, %v", secret, err)
	}
	if got := signature.SignFile("customers 1.csv", []byte("NR\r\n1\r\n"), fileSecret, fileTime); got != fileVector {
		t.Errorf("signed as %s", got)
	}
	if at := signature.TimeOfFile(fileVector); !at.Equal(fileTime) {
		t.Errorf("its time is %s", at)
	}
}

// The line feeds keep a name from taking up the file's beginning, or the other way round.
func TestASignatureIsOfOneNameAndOneFile(t *testing.T) {
	t.Parallel()
	header := signature.SignFile("a", []byte("b\nc"), fileSecret, fileTime)
	for name, c := range map[string]struct {
		header, name, body string
		now                time.Time
		want               error
	}{
		"another name":       {header, "x", "b\nc", fileTime, signature.ErrMismatch},
		"another file":       {header, "a", "b\nd", fileTime, signature.ErrMismatch},
		"a shifted border":   {header, "a\nb", "c", fileTime, nil}, // no name has a line feed: the adapter takes none
		"too late":           {header, "a", "b\nc", fileTime.Add(time.Hour), signature.ErrExpired},
		"too early":          {header, "a", "b\nc", fileTime.Add(-time.Hour), signature.ErrExpired},
		"no header":          {"", "a", "b\nc", fileTime, signature.ErrMissing},
		"no signature":       {"t=1793620800", "a", "b\nc", fileTime, signature.ErrMissing},
		"two times":          {"t=1," + header, "a", "b\nc", fileTime, signature.ErrMalformed},
		"no hex":             {"t=1793620800,v1=xyz", "a", "b\nc", fileTime, signature.ErrMalformed},
		"another part":       {header + ",v2=00", "a", "b\nc", fileTime, signature.ErrMalformed},
		"a time that is not": {strings.Replace(header, "t=1", "t=+1", 1), "a", "b\nc", fileTime, signature.ErrMalformed},
		"a longer header":    {header + strings.Repeat(",v1=00", 1000), "a", "b\nc", fileTime, signature.ErrMalformed},
		"another signature":  {header + ",v1=00", "a", "b\nc", fileTime, nil},
	} {
		_, err := signature.VerifyFile(c.header, c.name, []byte(c.body), []adapters.Secret{fileSecret}, c.now, time.Minute)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzVerifyFile(f *testing.F) {
	f.Add(fileVector, "customers 1.csv", []byte("NR\r\n1\r\n"))
	f.Add("t=1,v1=00,v1=", "", []byte(nil))
	f.Fuzz(func(t *testing.T, header, name string, body []byte) {
		_, err := signature.VerifyFile(header, name, body, []adapters.Secret{fileSecret}, fileTime, time.Minute)
		if at := signature.TimeOfFile(header); err == nil && (at.Before(fileTime.Add(-time.Minute)) || !strings.Contains(strings.ToLower(header), signature.SignFile(name, body, fileSecret, at)[len("t=")+10:])) {
			t.Errorf("%q is taken", header)
		}
	})
}
