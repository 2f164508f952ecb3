package cluster

import "strings"

// Remedy says how to get PostgreSQL on a system: goos as in runtime.GOOS, osRelease the text of /etc/os-release.
func Remedy(goos, osRelease string) string {
	const otherwise = ", or name a server with --database-url"
	if goos == "darwin" {
		return "run `brew install postgresql@17`" + otherwise
	}
	for _, family := range families(osRelease) {
		switch family {
		case "debian", "ubuntu":
			return "run `apt-get install postgresql`" + otherwise
		case "fedora", "rhel", "centos", "amzn":
			return "run `dnf install postgresql-server`" + otherwise
		case "suse", "opensuse":
			return "run `zypper install postgresql-server`" + otherwise
		case "arch":
			return "run `pacman -S postgresql`" + otherwise
		case "alpine":
			return "run `apk add postgresql`" + otherwise
		}
	}
	return "install PostgreSQL's server programs (initdb and postgres) and put them in PATH" + otherwise
}

// families are the system's own name and those that it resembles, closest first.
func families(osRelease string) []string {
	var id, like []string
	for line := range strings.Lines(osRelease) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		names := strings.Fields(strings.ToLower(strings.Trim(value, `"'`)))
		switch key {
		case "ID":
			id = names
		case "ID_LIKE":
			like = names
		}
	}
	return append(id, like...)
}
