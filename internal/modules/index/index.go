// Package index answers a request for a directory with a file in it (nginx's ngx_http_index_module).
package index

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
)

// Module looks for index files. It runs before autoindex and static.
var Module = core.Module{
	Name: "ngx_http_index_module",
	Directives: []conf.Directive{
		conf.ListAll(locations, conf.Directive{
			Name: "index", In: conf.ToLocation, Args: conf.OneMore, Default: "index.html",
			Doc: "Files that stand for their directory: the first that is there is served.",
		}, parse, func(l *location) *[]*core.Value { return &l.files }),
	},
	Phases: []core.Phase{{At: core.Content, Run: find}},
}

type location struct{ files []*core.Value }

var locations = conf.NewSlot[location](conf.LocationLevel)

func parse(c *conf.Cursor, args []string) ([]*core.Value, error) {
	var files []*core.Value
	for i, arg := range args {
		if arg == "" {
			return nil, c.Errorf("index \"%s\" in \"index\" directive is invalid", args[0]) // nginx, too, names the first
		}
		if strings.HasPrefix(arg, "/") && i < len(args)-1 {
			c.Warnf("only the last index in \"index\" directive should be absolute")
		}
		v, err := core.CompileValue(c, arg)
		if err != nil {
			return nil, err
		}
		files = append(files, v)
	}
	return files, nil
}

func find(r *core.Request) core.Verdict {
	if len(r.URI) == 0 || r.URI[len(r.URI)-1] != '/' {
		return core.Declined
	}
	if m := string(r.Method); m != "GET" && m != "HEAD" && m != "POST" {
		return core.Declined
	}
	if r.AliasMisplaced() {
		return 500
	}
	dir := r.Filename()
	tested := false
	for _, v := range locations.Of(r.Location.Block).files {
		name := v.Eval(r)
		if len(name) > 0 && name[0] == '/' {
			return r.InternalRedirect(r.Copy(name), r.Args)
		}
		path := r.Concat(dir, name)
		_, err := r.StatFile(path)
		if err == nil {
			return r.InternalRedirect(r.Concat(r.URI, name), r.Args)
		}
		if status := refuse(r, path, err); status != core.Declined {
			return status
		}
		if !tested {
			if status := testDir(r, dir, path); status != core.OK {
				return status
			}
			tested = true
		}
		if !missing(err) {
			return broken(r, path, err)
		}
	}
	return core.Declined
}

func missing(err error) bool { return errno(err) == unix.ENOENT }

func errno(err error) unix.Errno {
	var e *core.FileError
	if errors.As(err, &e) {
		return e.Errno
	}
	return unix.EIO
}

// refuse is the answer where an error settles the matter; otherwise Declined.
func refuse(r *core.Request, path []byte, err error) core.Verdict {
	switch e := errno(err); e {
	case unix.ELOOP, unix.EMLINK:
		return 403
	case unix.ENOTDIR, unix.ENAMETOOLONG, unix.EINVAL, unix.EACCES:
		return notFound(r, path, e)
	}
	return core.Declined
}

// testDir tells a directory without index files from one that is not there, for which file is looked up.
func testDir(r *core.Request, dir, file []byte) core.Verdict {
	dir = withoutSlash(dir)
	info, err := r.StatFile(dir)
	switch e := errno(err); {
	case err == nil && info.Dir:
		return core.OK
	case err == nil:
		r.Error(logs.Alert, "\"%s\" is not a directory", dir)
		return 500
	case e == unix.ELOOP || e == unix.EMLINK:
		return 403
	case e == unix.ENOENT:
		return notFound(r, file, e)
	}
	return broken(r, dir, err)
}

// withoutSlash drops the final slash, but for that of the root directory.
func withoutSlash(dir []byte) []byte {
	if n := len(dir) - 1; n > 0 && dir[n] == '/' {
		return dir[:n]
	}
	return dir
}

func notFound(r *core.Request, path []byte, e unix.Errno) core.Verdict {
	if e == unix.EACCES {
		r.ErrorErr(logs.Error, e, "\"%s\" is forbidden", path)
		return 403
	}
	if r.Location.Conf.LogNotFound {
		r.ErrorErr(logs.Error, e, "\"%s\" is not found", path)
	}
	return 404
}

func broken(r *core.Request, path []byte, err error) core.Verdict {
	var e *core.FileError
	if errors.As(err, &e) {
		r.ErrorErr(logs.Crit, e.Errno, "%s \"%s\" failed", e.Op, path)
	}
	return 500
}
