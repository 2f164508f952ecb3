package cluster

import (
	"fmt"
	"os"
	"os/exec"
)

// command prepares a server program that works on the cluster in dir; arguments come after -D. Its files beyond
// dir are numbered from 4. The second result is to be closed when the command has been started.
func command(program, dir string, a account, arguments ...string) (*exec.Cmd, *os.File, error) {
	opened, err := os.Open(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open the cluster's directory: %w", err)
	}
	name := dir
	if a.handedOver() {
		name = "/proc/self/fd/3"
	}
	cmd := exec.Command(program, append([]string{"-D", name}, arguments...)...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.ExtraFiles = []*os.File{opened}
	cmd.SysProcAttr = a.attributes()
	return cmd, opened, nil
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
