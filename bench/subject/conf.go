package subject

import (
	"os"
	"reflect"
	"strings"
	"text/template"
)

// Options say what a proxy is to do in one trial. Every subject gets the same ones.
type Options struct {
	Workers     int      // event loops, worker processes or threads
	Backends    []string // addresses
	Connections int      // bound on connections per worker
	AccessLog   bool     // one line a request, written to a file
	LogLevel    string   // of the error log
	Unspooled   bool     // responses are never written to temporary files, which nginx does by default
	Retry       bool     // the backend ends connections; nginx's default is to try a GET again then
	Certificate string   // file of the certificate, its key beside it with .key appended: clients come over TLS
	HTTP2       bool     // clients speak HTTP/2
	Behind      Protocol // spoken with the backends
}

// Protocol is how a proxy speaks with its backends.
type Protocol string

// The protocols.
const (
	HTTP  Protocol = "" // HTTP/1.1
	HTTPS Protocol = "https"
	GRPC  Protocol = "grpc" // over plain HTTP/2
)

// portable says whether HAProxy's template has all of the options.
func (o Options) portable() bool { return o.Certificate == "" && !o.HTTP2 && o.Behind == HTTP }

// bare says whether nothing is asked for but that one loop passes bytes on.
func (o Options) bare() bool {
	o.Backends = nil
	return reflect.DeepEqual(o, Options{Workers: 1})
}

// settings is what the templates see.
type settings struct {
	Options
	Listen string
	Root   bool
}

// nginxTemplate is the nginx.conf of nginx and of hearth, byte for byte the same. It is nginx at its best
// for keepalive: a pool to the backend that never overflows, no bound on requests per connection, a listener
// per worker. Buffering is as users have it, by default. /handshake is answered without a backend, for what only TLS costs.
var nginxTemplate = template.Must(template.New("nginx").Parse(`{{if .Root}}user root;
{{end}}worker_processes {{.Workers}};
error_log error.log {{.LogLevel}};
pid proxy.pid;
events { worker_connections {{.Connections}}; }
http {
    access_log {{if .AccessLog}}access.log combined{{else}}off{{end}};
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    keepalive_time 24h;
    client_max_body_size 0;
    client_body_temp_path client_body;
    proxy_temp_path proxy_temp;
    upstream backend {
{{range .Backends}}        server {{.}};
{{end}}        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
        keepalive_time 24h;
    }
    server {
        listen {{.Listen}}{{if .Certificate}} ssl{{end}}{{if .HTTP2}} http2{{end}} backlog=4096{{if gt .Workers 1}} reuseport{{end}};
{{if .Certificate}}        ssl_certificate {{.Certificate}};
        ssl_certificate_key {{.Certificate}}.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        location = /handshake { return 200 "ok\n"; }
{{end}}        location / {
{{if eq .Behind "grpc"}}            grpc_pass grpc://backend;
{{else}}            proxy_pass {{if eq .Behind "https"}}https{{else}}http{{end}}://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "{{if eq .Behind "https"}}keep-alive{{end}}";
{{end}}{{if .Unspooled}}            proxy_max_temp_file_size 0;
{{end}}        }
    }
}
`))

// haproxyTemplate is the same in HAProxy's language. It would refuse to start where the descriptor limit is
// below twice maxconn, which is far more than the workloads need: hence no strict-limits. It would also close idle
// backend connections when it has used a quarter of its descriptors: hence the ratios.
var haproxyTemplate = template.Must(template.New("haproxy").Parse(`global
    nbthread {{.Workers}}
    maxconn {{.Connections}}
    no strict-limits
    tune.pool-low-fd-ratio 100
    tune.pool-high-fd-ratio 100
{{if .AccessLog}}    log stdout format raw local0
{{end}}defaults
    mode http
{{if .AccessLog}}    log global
    option httplog
{{end}}    option http-keep-alive
    http-reuse always
    timeout connect 60s
    timeout client 1h
    timeout server 60s
    timeout http-keep-alive 1h
{{if .Retry}}    retry-on conn-failure empty-response
{{end}}frontend proxy
    bind {{.Listen}} backlog 4096
    default_backend backend
backend backend
{{if .Retry}}    http-request disable-l7-retry unless METH_GET
{{end}}    balance roundrobin
{{range $i, $addr := .Backends}}    server s{{$i}} {{$addr}} pool-max-conn -1 pool-purge-delay 1h
{{end}}`))

// floorTemplate is package relay's two words.
var floorTemplate = template.Must(template.New("floor").Parse("{{.Listen}} {{index .Backends 0}}\n"))

// render fills in a template.
func render(t *template.Template, listen string, o Options) (string, error) {
	if o.Connections == 0 {
		o.Connections = 4096
	}
	if o.LogLevel == "" {
		o.LogLevel = "error"
	}
	var text strings.Builder
	err := t.Execute(&text, settings{Options: o, Listen: listen, Root: os.Getuid() == 0})
	return text.String(), err
}
