// Package tryfiles is try_files (nginx's ngx_http_try_files_module): the first of several files or directories that
// is there becomes the request's URI; if none is, the last argument says what to do.
package tryfiles

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"hearth/internal/conf"
	"hearth/internal/core"
	"hearth/internal/logs"
)

// Module looks for files before the content phase.
var Module = core.Module{
	Name: "ngx_http_try_files_module",
	Directives: []conf.Directive{
		conf.Field(locations, conf.Directive{
			Name: "try_files", In: conf.Server | conf.Location, Args: conf.TwoMore, NoInherit: true,
			Doc: "Serves the first of these files that is there; otherwise the last: a URI, @location, or =code.",
		}, parse, func(l *location) *location { return l }),
	},
	Phases: []core.Phase{{At: core.PreContent, Run: find, On: func(b *conf.Block) bool { return locations.Of(b).last != nil }}},
}

// location is what try_files says in this very block: like nginx's it does not reach into inner ones.
type location struct {
	files []candidate
	last  *core.Value
	code  core.Verdict // of a last argument "=code"; 0 = it is a URI
}

// candidate is a file to look for, or a directory where the argument ended in a slash.
type candidate struct {
	name *core.Value
	dir  bool
}

var locations = conf.NewSlot[location](conf.LocationLevel)

func parse(c *conf.Cursor, args []string) (l location, err error) {
	last := len(args) - 1
	for _, arg := range args[:last] {
		var f candidate
		arg, f.dir = strings.CutSuffix(arg, "/")
		if f.name, err = core.CompileValue(c, arg); err != nil {
			return l, err
		}
		l.files = append(l.files, f)
	}
	if l.last, err = core.CompileValue(c, args[last]); err != nil {
		return l, err
	}
	if digits, ok := strings.CutPrefix(args[last], "="); ok {
		code, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || code > 999 {
			return l, c.Errorf("invalid code \"%s\"", args[last])
		}
		l.code = core.Verdict(code)
	}
	return l, nil
}

func find(r *core.Request) core.Verdict {
	if r.AliasMisplaced() {
		return 500
	}
	l := locations.Of(r.Location.Block)
	root := r.Root()
	for i := range l.files {
		f := &l.files[i]
		name := inAlias(r, f.name)
		path := r.Concat(root, name)
		info, err := r.StatFile(path)
		if err != nil {
			report(r, path, err)
			continue
		}
		if info.Dir == f.dir {
			take(r, name, f.dir)
			return core.Declined
		}
	}
	return l.otherwise(r)
}

// inAlias is a name as it follows the root. Where the root is an alias, a name with variables loses the beginning that
// the alias stands for, since it usually comes from $uri.
func inAlias(r *core.Request, v *core.Value) []byte {
	name := v.Eval(r)
	c := r.Location.Conf
	if _, literal := v.Literal(); literal || !c.Alias || c.AliasFor <= 0 {
		return name
	}
	return bytes.TrimPrefix(name, r.URI[:min(c.AliasFor, len(r.URI))])
}

// take makes the file that was found the request's URI.
func take(r *core.Request, name []byte, dir bool) {
	switch c := r.Location.Conf; {
	case !c.Alias:
		r.URI = name
	case c.AliasFor >= 0:
		r.URI = r.Concat(r.URI[:min(c.AliasFor, len(r.URI))], name)
	case !dir: // the name of the location is a pattern: the alias is a whole path, which the name is added to
		r.URI, r.AddURIToAlias = name, true
	}
}

// report logs what keeps a file from being looked for, other than that it is not there.
func report(r *core.Request, path []byte, err error) {
	var e *core.FileError
	if errors.As(err, &e) && !e.Missing() {
		r.ErrorErr(logs.Crit, e.Errno, "%s \"%s\" failed", e.Op, path)
	}
}

// otherwise carries out the last argument.
func (l *location) otherwise(r *core.Request) core.Verdict {
	if l.code > 0 {
		return l.code
	}
	uri := inAlias(r, l.last)
	if len(uri) > 0 && uri[0] == '@' {
		return r.NamedLocation(uri)
	}
	path, args := core.SplitArgs(uri)
	return r.InternalRedirect(path, args)
}
