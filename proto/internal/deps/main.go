// Command deps puts the proto files that the schema imports from others into
// .deps/, for buf to find. They come out of Go modules pinned in tools.mod:
// buf's own registry is not needed, nor anything else but Go. It runs in proto/.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

// sources are the folders to copy, each seen from the root of its module and
// of .deps alike.
var sources = []struct{ module, root, folder string }{
	{"github.com/bufbuild/protovalidate", "proto/protovalidate", "buf/validate"},
	{"github.com/grpc-ecosystem/grpc-gateway", "third_party/googleapis", "google/api"},
	{"github.com/grpc-ecosystem/grpc-gateway", "third_party/googleapis", "google/rpc"},
}

func main() {
	log.SetFlags(0)
	for _, s := range sources {
		dir, err := moduleDir(s.module)
		if err != nil {
			log.Fatal(err)
		}
		from := filepath.Join(dir, s.root, s.folder)
		if err := copyProtos(from, filepath.Join("..", ".deps", s.folder)); err != nil {
			log.Fatal(err)
		}
	}
}

// moduleDir downloads the module, where it is not there yet, and returns its
// folder in the module cache.
func moduleDir(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-modfile=tools.mod", "-json", module)
	cmd.Stderr = os.Stderr
	out, runErr := cmd.Output()
	var found struct{ Dir, Error string }
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&found); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read what go says of %s: %w", module, err)
	}
	if runErr != nil {
		return "", fmt.Errorf("download %s: %w %s", module, runErr, found.Error)
	}
	return found.Dir, nil
}

// copyProtos copies rather than links: the module cache may be cleaned.
func copyProtos(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.proto"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no proto files in %s", from)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
