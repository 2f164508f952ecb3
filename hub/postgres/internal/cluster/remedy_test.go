package cluster_test

import (
	"strings"
	"testing"

	"github.com/canonhub/canonhub/hub/postgres/internal/cluster"
)

func TestRemedyIsForThisSystem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ goos, osRelease, want string }{
		"debian":  {"linux", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", "apt-get install postgresql`"},
		"ubuntu":  {"linux", "ID=ubuntu\nID_LIKE=debian\n", "apt-get install postgresql`"},
		"mint":    {"linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt-get install postgresql`"},
		"fedora":  {"linux", "ID=fedora\n", "dnf install postgresql-server"},
		"rocky":   {"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install postgresql-server"},
		"suse":    {"linux", "ID='opensuse-leap'\nID_LIKE='suse opensuse'\n", "zypper install postgresql-server"},
		"alpine":  {"linux", "ID=alpine\n", "apk add postgresql"},
		"arch":    {"linux", "ID=arch\n", "pacman -S postgresql"},
		"macOS":   {"darwin", "", "brew install postgresql@17"},
		"unknown": {"linux", "ID=plan9\n", "put them in PATH"},
		"nothing": {"freebsd", "", "put them in PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cluster.Remedy(c.goos, c.osRelease)
			if !strings.Contains(got, c.want) || !strings.HasSuffix(got, "--database-url") {
				t.Errorf("Remedy = %q, want it to say %q and to end with --database-url", got, c.want)
			}
		})
	}
}
