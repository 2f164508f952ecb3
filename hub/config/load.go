package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/canonhub/canonhub/adapters"
)

// maxFile is the size in bytes of the longest configuration.
const maxFile = 1 << 20

// Options are what a configuration is read with.
type Options struct {
	// Factories are the adapters, by name.
	Factories map[string]adapters.Factory
	// Env looks an environment variable up; nil means os.LookupEnv.
	Env func(name string) (value string, ok bool)
	// ReadFile reads a file, but no more than its first limit bytes; nil means the file system's.
	ReadFile func(name string, limit int) ([]byte, error)
}

// Load reads the configuration in a file. The error is *Errors, or that of opening the file.
func Load(name string, options Options) (*Config, error) {
	options = options.withDefaults()
	text, err := options.ReadFile(name, maxFile+1)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(name, text, options)
}

// Parse reads a configuration from its text; name is the file's, for messages and for relative paths. The error is
// *Errors.
func Parse(name string, text []byte, options Options) (*Config, error) {
	l := &loader{report: report{file: name}, options: options.withDefaults(), carries: map[string][]adapters.Carriage{}}
	clean, ok := l.clean(text)
	if !ok || !l.parseTree(clean) {
		return nil, l.err()
	}
	config := l.config(l.decode(clean))
	if err := l.err(); err != nil {
		return nil, err
	}
	return config, nil
}

// loader makes a Config and reports on the way.
type loader struct {
	report
	options Options
	// carries says what each connection carries.
	carries map[string][]adapters.Carriage
	// keys says that the hub can keep secrets.
	keys bool
}

// clean makes the text one whose lines everybody counts alike: protoyaml knows \n alone, YAML five more.
func (l *loader) clean(text []byte) (string, bool) {
	if len(text) > maxFile {
		l.on(mark{1, 1}, "the configuration is larger than 1 MiB; is this the right file?")
		return "", false
	}
	clean := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	lineOf := func(offset int) mark { return mark{1 + strings.Count(clean[:offset], "\n"), 1} }
	if !utf8.ValidString(clean) {
		valid := strings.ToValidUTF8(clean, "\x00")
		l.on(lineOf(commonPrefix(clean, valid)), "this line is not UTF-8; save the file as UTF-8")
		return "", false
	}
	if i := strings.IndexAny(clean, "\u0085\u2028\u2029"); i >= 0 {
		l.on(lineOf(i), "this line has an unusual line break (U+0085, U+2028 or U+2029); remove it")
		return "", false
	}
	return clean, true
}

func commonPrefix(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func (o Options) withDefaults() Options {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	return o
}

func readFile(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
