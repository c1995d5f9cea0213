package core

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"hearth/internal/http1"
	"hearth/internal/text"
)

// coreVariables are the variables of ngx_http_core_module that concern the request and the connection; those of the
// response are in variables_response.go, the families in variables_prefix.go.
func coreVariables() []Variable {
	list := []Variable{
		{Name: "args", Get: getArgs, Set: setArgs, NoCache: true, Changeable: true},
		{Name: "query_string", Get: getArgs, NoCache: true},
		{Name: "is_args", Get: getIsArgs, NoCache: true},
		{Name: "uri", Get: func(r *Request) ([]byte, bool) { return r.URI, r.URI != nil }, NoCache: true},
		{Name: "document_uri", Get: func(r *Request) ([]byte, bool) { return r.URI, r.URI != nil }, NoCache: true},
		{Name: "request_uri", Get: func(r *Request) ([]byte, bool) { return r.Unparsed, len(r.Unparsed) > 0 }},
		{Name: "request", Get: func(r *Request) ([]byte, bool) { return r.Head.Line, r.Head.Line != nil || r.Head.Major < 2 }},
		{Name: "request_method", Get: getMethod, NoCache: true},
		{Name: "request_length", Get: func(r *Request) ([]byte, bool) { return r.number(r.Main.Length) }, NoCache: true},
		{Name: "request_time", Get: getRequestTime, NoCache: true},
		{Name: "request_id", Get: getRequestID},
		{Name: "request_filename", Get: getFilename, NoCache: true},
		{Name: "request_body", Get: getBody},
		{Name: "request_body_file", Get: getBodyFile},
		{Name: "request_completion", Get: getCompletion},
		{Name: "request_port", Get: getRequestPort},
		{Name: "is_request_port", Get: getIsRequestPort},
		{Name: "document_root", Get: getDocumentRoot, NoCache: true},
		{Name: "realpath_root", Get: getRealpathRoot, NoCache: true},
		{Name: "host", Get: getHost},
		{Name: "http_host", Get: func(r *Request) ([]byte, bool) { return r.Head.Get(http1.Host) }},
		{Name: "content_length", Get: getContentLength},
		{Name: "content_type", Get: func(r *Request) ([]byte, bool) { return r.Head.Get(http1.ContentType) }},
		{Name: "remote_addr", Get: getRemoteAddr},
		{Name: "binary_remote_addr", Get: getBinaryRemoteAddr},
		{Name: "remote_port", Get: func(r *Request) ([]byte, bool) { return r.port(portOf(r.Client.Remote)) }},
		{Name: "remote_user", Get: getRemoteUser},
		{Name: "server_addr", Get: getServerAddr},
		{Name: "server_port", Get: func(r *Request) ([]byte, bool) { return r.port(portOf(r.Client.Local())) }},
		{Name: "server_name", Get: func(r *Request) ([]byte, bool) { return r.ServerName, true }},
		{Name: "server_protocol", Get: getProtocol},
		{Name: "scheme", Get: func(r *Request) ([]byte, bool) { return bytesOf(r.Scheme()), true }},
		{Name: "https", Get: getHTTPS},
		{Name: "hostname", Get: func(*Request) ([]byte, bool) { return bytesOf(hostname), true }},
		{Name: "nginx_version", Get: func(*Request) ([]byte, bool) { return bytesOf(NginxVersion), true }},
		{Name: "pid", Get: func(*Request) ([]byte, bool) { return bytesOf(pid), true }},
		{Name: "pipe", Get: getPipe},
		{Name: "connection", Get: func(r *Request) ([]byte, bool) { return r.number(int64(r.Client.Number)) }},
		{Name: "connection_requests", Get: func(r *Request) ([]byte, bool) { return r.number(int64(r.Client.Requests)) }},
		{Name: "connection_time", Get: func(r *Request) ([]byte, bool) {
			return r.Seconds(r.Loop.Now().Sub(r.Client.Since)), true
		}, NoCache: true},
		{Name: "msec", Get: getMsec, NoCache: true},
		{Name: "time_iso8601", Get: getTimeISO, NoCache: true},
		{Name: "time_iso8601_ms", Get: getTimeISOMillis, NoCache: true},
		{Name: "time_local", Get: getTimeLocal, NoCache: true},
	}
	list = append(list, responseVariables()...)
	return append(list, connectionVariables()...)
}

// NginxVersion is the release of nginx whose configuration language hearth follows.
const NginxVersion = "1.31.4"

var pid = strconv.Itoa(os.Getpid())

// number is n in the request's memory.
func (r *Request) number(n int64) ([]byte, bool) {
	return text.AppendInt(r.Alloc(20)[:0], n), true
}

// port is a port number, empty for a unix socket.
func (r *Request) port(n int) ([]byte, bool) {
	if n == 0 {
		return nil, true
	}
	return r.number(int64(n))
}

// Seconds is a duration as nginx writes it in variables, in seconds with three decimals; never negative.
func (r *Request) Seconds(d time.Duration) []byte {
	ms := max(d.Milliseconds(), 0)
	dst := text.AppendInt(r.Alloc(24)[:0], ms/1000)
	return text.AppendPadded(append(dst, '.'), int(ms%1000), 3)
}

// getArgs has a value, maybe an empty one, where there is a "?".
func getArgs(r *Request) ([]byte, bool) { return r.Args, r.Args != nil }

func setArgs(r *Request, v []byte) { r.Args, r.ValidUnparsed = v, false }

func getIsArgs(r *Request) ([]byte, bool) {
	if len(r.Args) == 0 {
		return nil, true
	}
	return questionMark, true
}

func getMethod(r *Request) ([]byte, bool) { return r.Main.Method, len(r.Main.Method) > 0 }

func getRequestTime(r *Request) ([]byte, bool) {
	return r.Seconds(r.Loop.Now().Sub(r.Started)), true
}

// getRequestID makes 16 random bytes, one value for the request and its subrequests.
func getRequestID(r *Request) ([]byte, bool) {
	m := r.Main
	if m.requestID == nil {
		id := m.Alloc(48)
		rand.Read(id[32:])
		hex.Encode(id, id[32:])
		m.requestID = id[:32]
	}
	return m.requestID, true
}

// Filename is the file that a path stands for by root or alias: $request_filename.
func (r *Request) Filename() []byte {
	c := r.Location.Conf
	root := c.Root.Eval(r)
	if !c.Alias {
		return r.Concat(root, r.URI)
	}
	if c.AliasFor < 0 && !r.AddURIToAlias {
		return root
	}
	rest := r.URI[min(max(c.AliasFor, 0), len(r.URI)):]
	return r.Concat(root, rest)
}

// Path is Filename, for messages.
func (r *Request) Path() []byte { return r.Filename() }

func getFilename(r *Request) ([]byte, bool) { return r.Filename(), true }

func getDocumentRoot(r *Request) ([]byte, bool) { return r.Location.Conf.Root.Eval(r), true }

func getRealpathRoot(r *Request) ([]byte, bool) {
	var path string
	var err error
	root := string(r.Location.Conf.Root.Eval(r))
	path, err = filepath.EvalSymlinks(root)
	if err != nil {
		return nil, false
	}
	return []byte(path), true
}

// getBody is the body where it is in memory.
func getBody(r *Request) ([]byte, bool) {
	b := &r.Main.body
	if !b.stored || b.file != nil || b.size == 0 {
		return nil, false
	}
	return b.buf, true
}

func getBodyFile(r *Request) ([]byte, bool) {
	b := &r.Main.body
	return bytesOf(b.path), b.file != nil
}

func getCompletion(r *Request) ([]byte, bool) {
	if r.Main.Finished && !r.Main.Aborted {
		return bytesOf("OK"), true
	}
	return nil, true
}

// getRequestPort is the port of the Host field, or that of the connection.
func getRequestPort(r *Request) ([]byte, bool) {
	return r.Head.Host.Port, true
}

func getIsRequestPort(r *Request) ([]byte, bool) {
	if len(r.Head.Host.Port) > 0 {
		return bytesOf(":"), true
	}
	return nil, true
}

// getHost is the host asked for, or the server's name.
func getHost(r *Request) ([]byte, bool) {
	if len(r.Host) > 0 {
		return r.Host, true
	}
	return r.Server.name, true
}

func getContentLength(r *Request) ([]byte, bool) {
	if v, ok := r.Head.Get(http1.ContentLength); ok {
		return v, true
	}
	if b := &r.Main.body; r.Head.Chunked && b.stored {
		return r.number(b.size)
	}
	return nil, false
}

// getProtocol is the version of a request whose line made sense.
func getProtocol(r *Request) ([]byte, bool) {
	if r.Head.Major == 0 || r.Head.Method == nil { // HTTP/0.9, or a line that is none
		return nil, false
	}
	dst := append(r.Alloc(len("HTTP/1.1"))[:0], "HTTP/"...)
	dst = text.AppendInt(dst, int64(r.Head.Major))
	if r.Head.Major >= 2 {
		return append(dst, ".0"...), true
	}
	return text.AppendInt(append(dst, '.'), int64(r.Head.Minor)), true
}

func getHTTPS(r *Request) ([]byte, bool) {
	if r.Client.TLS != nil {
		return bytesOf("on"), true
	}
	return nil, true
}

func getPipe(r *Request) ([]byte, bool) {
	if r.Pipelined {
		return bytesOf("p"), true
	}
	return bytesOf("."), true
}

func getMsec(r *Request) ([]byte, bool) {
	ms := r.Loop.Wall().UnixMilli()
	dst := text.AppendInt(r.Alloc(24)[:0], ms/1000)
	return text.AppendPadded(append(dst, '.'), int(ms%1000), 3), true
}
