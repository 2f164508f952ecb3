package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// account is who the server runs as.
type account struct {
	uid, gid uint32
	other    bool // than the one this process runs as
}

// accountFor returns the owner of the cluster in dir, or the account that is to own a new one.
func accountFor(dir string) (account, error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return newAccount()
	}
	if err != nil {
		return account{}, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return account{}, fmt.Errorf("%s is not a directory: move it away", dir)
	}
	self := os.Geteuid()
	switch {
	case owner.Uid == 0:
		return account{}, fmt.Errorf("%s belongs to root, which PostgreSQL refuses to run as: give it to another user with chown -R", dir)
	case int(owner.Uid) == self:
		return account{uid: owner.Uid, gid: owner.Gid}, nil
	case self != 0:
		return account{}, fmt.Errorf("%s belongs to user %d, and this process runs as %d: run it as that user or as root, or choose another data directory",
			dir, owner.Uid, self)
	}
	return account{uid: owner.Uid, gid: owner.Gid, other: true}, nil
}

// newAccount is this process's own user, or for root the system's user for PostgreSQL, else nobody. The former is
// preferred because nobody is shared with programs that are not to be trusted.
func newAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), other: true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody: run as an ordinary user")
}

// attributes start a child as the account, in a session of its own: a terminal's Ctrl-C is for the hub alone.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// handedOver tells whether the cluster's directory is given to the server as an open file rather than by its path.
func (a account) handedOver() bool { return a.other && runtime.GOOS == "linux" }
