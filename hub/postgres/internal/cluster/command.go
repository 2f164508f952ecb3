package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// command prepares a server program that works on the cluster in dir; arguments come after -D, and it ends with ctx.
// The caller may add files, which are numbered from 4, and closes all of them with closeFiles.
func command(ctx context.Context, program, dir string, a account, arguments []string) (*exec.Cmd, error) {
	opened, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cluster's directory: %w", err)
	}
	name := dir
	if a.handedOver() {
		name = "/proc/self/fd/3"
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"-D", name}, arguments...)...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.ExtraFiles = []*os.File{opened}
	cmd.SysProcAttr = a.attributes()
	return cmd, nil
}

// closeFiles closes what a command was given; a child that was started has its own.
func closeFiles(cmd *exec.Cmd) {
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	if out, ok := cmd.Stdout.(*os.File); ok {
		_ = out.Close()
	}
}

// environment is all that the server learns of ours: the hub's own holds vendors' keys, and PG… variables mislead it.
func environment() []string {
	env := []string{"LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin"}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
