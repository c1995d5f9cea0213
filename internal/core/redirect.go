package core

import (
	"bytes"

	"hearth/internal/logs"
	"hearth/internal/text"
)

// InternalRedirect starts the request anew with another URI: server rewrite, location selection and so on, as if it
// had come in so, but with `internal` locations open. The handler returns what it returns: Moved, or 500 in a cycle.
func (r *Request) InternalRedirect(uri, args []byte) Verdict {
	if r.Redirects--; r.Redirects == 0 {
		r.Error(logs.Error, "rewrite or internal redirection cycle while internally redirecting to \"%s\"", uri)
		return 500
	}
	r.URI, r.Args, r.ValidUnparsed = uri, args, false
	r.startAgain(ServerRewrite, r.Server.Location)
	return Moved
}

// NamedLocation goes on in the location @name (given with the @), keeping the URI: what the client wrote of it is still what
// proxy_pass without a URI passes on.
func (r *Request) NamedLocation(name []byte) Verdict {
	if r.Redirects--; r.Redirects == 0 {
		r.Error(logs.Error, "rewrite or internal redirection cycle while redirect to named location \"%s\"", name)
		return 500
	}
	if len(r.URI) == 0 {
		r.Error(logs.Error, "empty URI in redirect to named location \"%s\"", name)
		return 500
	}
	l := r.Server.named[string(name)]
	if l == nil {
		r.Error(logs.Error, "could not find named location \"%s\"", name)
		return 500
	}
	r.startAgain(Rewrite, l)
	r.enter(l)
	return Moved
}

// startAgain makes the runner go on at a phase, in a location, with the modules' states cleared.
func (r *Request) startAgain(at PhaseAt, l *Location) {
	r.at = at
	r.Location, r.Content = l, nil
	r.Internal, r.AddURIToAlias, r.Displaced, r.URIChanged = true, false, false, false
	r.epochs++
	r.redirectEpoch = r.epochs
}

// SplitArgs cuts a URI made by a configuration value at its "?".
func SplitArgs(uri []byte) (path, args []byte) {
	path, args, _ = bytes.Cut(uri, questionMark)
	return path, args
}

// absolute completes a Location value that begins with "/" with scheme, name and port, unless absolute_redirect is off.
func (r *Request) absolute(location []byte) []byte {
	c := r.Location.Conf
	if len(location) == 0 || location[0] != '/' || !c.AbsoluteRedirect {
		return location
	}
	name := r.Host
	if c.ServerNameInRedirect {
		name = r.Server.name
	}
	local := r.Client.Local()
	if len(name) == 0 {
		name = appendHost(r.Alloc(64)[:0], local)
	}
	dst := r.Alloc(len("https://:65535") + len(name) + len(location))[:0]
	dst = append(dst, r.Scheme()...)
	dst = append(dst, "://"...)
	dst = append(dst, name...)
	if port := portOf(local); c.PortInRedirect && port != 0 && port != defaultPort(r.Scheme()) {
		dst = append(dst, ':')
		dst = text.AppendInt(dst, int64(port))
	}
	return append(dst, location...)
}

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}
