package config

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/canonhub/canonhub/adapters"
)

// maxSecretFile is the size in bytes of the longest secret that is read from a file.
const maxSecretFile = 64 << 10

var (
	reference = regexp.MustCompile(`^\$\{(file:)?([^${}]+)\}$`)
	embedded  = regexp.MustCompile(`\$\{[^}]*\}?`)
	variable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// loud names are surely names. What else stands between the braces might be the secret itself, and is not told.
	loud = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
)

// secret resolves the reference at a path. It is zero where that failed, which is then reported.
func (l *loader) secret(at path, text string) (adapters.Secret, Source) {
	found := reference.FindStringSubmatch(text)
	if found == nil || found[1] == "" && !variable.MatchString(found[2]) {
		l.fail(at, `a secret is not written in place; give "${NAME}" for an environment variable, or "${file:PATH}"`)
		return adapters.Secret{}, Source{}
	}
	source := Source{Name: found[1] + found[2]}
	if found[1] != "" {
		source.File = l.besides(found[2])
		return adapters.NewSecret(l.secretFile(at, source.File)), source
	}
	value, _ := l.variable(at, found[2])
	return adapters.NewSecret(value), source
}

// vendorSecret is a secret that the hub may keep itself; zero where it does.
func (l *loader) vendorSecret(at path, text string) (adapters.Secret, Source) {
	if text != "${"+sealed+"}" {
		return l.secret(at, text)
	}
	if !l.keys {
		l.fail(at, "the hub keeps this in its database, sealed: give keys under secrets as keys: [\"${NAME}\"]; `hub secrets key` makes one")
	}
	return adapters.Secret{}, Source{Name: sealed}
}

func (l *loader) variable(at path, name string) (string, bool) {
	shown := "named here"
	if loud.MatchString(name) {
		shown = name
	}
	value, ok := l.options.Env(name)
	if !ok {
		l.fail(at, "the environment variable %s is not set; set it before the hub starts", shown)
		return "", false
	}
	if value == "" {
		l.fail(at, "the environment variable %s is empty; give it a value before the hub starts", shown)
		return "", false
	}
	return value, true
}

// besides is a file's path, which may start at the configuration's folder.
func (l *loader) besides(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(l.file), name)
}

func (l *loader) secretFile(at path, name string) string {
	content, err := l.options.ReadFile(name, maxSecretFile+1)
	if err != nil {
		l.fail(at, "the file named here cannot be read: %s", reason(err))
		return ""
	}
	secret, err := secretIn(content)
	if err != nil {
		l.fail(at, "the file named here is %v", err)
	}
	return secret.Reveal()
}

// secretIn is the secret that a file holds. The error says what the file is.
func secretIn(content []byte) (adapters.Secret, error) {
	if len(content) > maxSecretFile {
		return adapters.Secret{}, errors.New("larger than 64 KiB; name one that has the secret alone")
	}
	content = bytes.TrimRight(content, "\r\n")
	if len(content) == 0 {
		return adapters.Secret{}, errors.New("empty; put the secret into it")
	}
	return adapters.NewSecret(string(content)), nil
}

// hiding is an error's text, unless a secret is in it.
func hiding(err error, secret adapters.Secret) error {
	if strings.Contains(err.Error(), secret.Reveal()) {
		return errors.New("it has another form")
	}
	return err
}

// reason is why a file cannot be read, without its name.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return err.Error()
}

// expand replaces each ${NAME} in a URL.
func (l *loader) expand(at path, text string) (string, bool) {
	whole := true
	expanded := embedded.ReplaceAllStringFunc(text, func(found string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(found, "${"), "}")
		if !strings.HasSuffix(found, "}") || !variable.MatchString(name) {
			l.fail(at, "only ${NAME}, an environment variable, can be used in a URL")
			whole = false
			return ""
		}
		value, ok := l.variable(at, name)
		whole = whole && ok
		return value
	})
	return expanded, whole
}
