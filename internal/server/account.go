package server

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// Account is the user and group that the process works as.
type Account struct {
	Name     string // "" = the one that started it
	UID, GID int
	Groups   []int // supplementary
}

// lookupAccount finds a user and group by name. Without a group it is the one named as the user, as in nginx.
func lookupAccount(name, group string) (*Account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("getpwnam(\"%s\") failed", name)
	}
	if group == "" {
		group = name
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return nil, fmt.Errorf("getgrnam(\"%s\") failed", group)
	}
	a := &Account{Name: name}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(g.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	a.UID, a.GID = uid, gid
	ids, err := u.GroupIds()
	if err != nil {
		ids = nil // no supplementary groups is the safe side
	}
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			a.Groups = append(a.Groups, n)
		}
	}
	return a, nil
}

// defaultAccount is nginx's: nobody, with the group of that name or nogroup.
func defaultAccount() (*Account, error) {
	a, err := lookupAccount("nobody", "nobody")
	if err != nil {
		a, err = lookupAccount("nobody", "nogroup")
	}
	return a, err
}
