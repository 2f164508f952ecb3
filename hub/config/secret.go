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
func (l *loader) secret(at path, text string) adapters.Secret {
	found := reference.FindStringSubmatch(text)
	switch {
	case found == nil || found[1] == "" && !variable.MatchString(found[2]):
		l.fail(at, `a secret is not written in place; give "${NAME}" for an environment variable, or "${file:PATH}"`)
		return adapters.Secret{}
	case found[1] != "":
		return adapters.NewSecret(l.secretFile(at, found[2]))
	default:
		value, _ := l.variable(at, found[2])
		return adapters.NewSecret(value)
	}
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

func (l *loader) secretFile(at path, name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(l.file), name)
	}
	content, err := l.options.ReadFile(name, maxSecretFile+1)
	if err != nil {
		l.fail(at, "the file named here cannot be read: %s", reason(err))
		return ""
	}
	if len(content) > maxSecretFile {
		l.fail(at, "the file named here is larger than 64 KiB; name one that has the secret alone")
		return ""
	}
	content = bytes.TrimRight(content, "\r\n")
	if len(content) == 0 {
		l.fail(at, "the file named here is empty; put the secret into it")
	}
	return string(content)
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
