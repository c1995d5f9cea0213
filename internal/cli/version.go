package cli

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"hearth/internal/core"
	"hearth/internal/modules"
	"hearth/internal/server"
)

// followed is the release of nginx whose configuration language is hearth's.
const followed = core.NginxVersion

// Version is hearth's, with the build behind it.
func Version() string { return core.VersionAndBuild() }

func (c *command) showVersion() { fmt.Fprintf(c.stderr, "hearth version: hearth/%s\n", Version()) }

// showConfigure writes what tools read to find out what a build can do.
func (c *command) showConfigure() {
	fmt.Fprintf(c.stderr, "nginx version: nginx/%s\nbuilt by %s\nconfigure arguments: %s\n",
		followed, runtime.Version(), strings.Join(configureArguments(), " "))
}

// The modules of nginx that are built unless one says --without, and those that need a --with.
var (
	builtByDefault = strings.Fields(`charset gzip ssi userid access auth_basic mirror autoindex geo map split_clients referer
		rewrite proxy fastcgi uwsgi scgi grpc memcached limit_conn limit_req empty_gif browser upstream_hash
		upstream_ip_hash upstream_least_conn upstream_random upstream_keepalive upstream_zone upstream_sticky`)
	builtOnRequest = strings.Fields(`ssl v2 v3 realip addition xslt image_filter geoip sub dav flv mp4 gunzip gzip_static
		auth_request random_index secure_link degradation slice stub_status`)
)

// configureArguments are nginx's words for this build: paths, then modules, from the list of those that are built in.
func configureArguments() []string {
	words := []string{
		"--conf-path=" + server.DefaultConf, "--error-log-path=" + server.DefaultLog, "--pid-path=" + server.DefaultPid,
	}
	for _, name := range builtOnRequest {
		if builtIn(name) {
			words = append(words, "--with-http_"+name+"_module")
		}
	}
	for _, name := range builtByDefault {
		if !builtIn(name) {
			words = append(words, "--without-http_"+name+"_module")
		}
	}
	return append(words, "--without-http-cache")
}

// builtIn tells whether hearth has a module of nginx. Those of the upstream block are one here.
func builtIn(name string) bool {
	if strings.HasPrefix(name, "upstream_") && name != "upstream_sticky" {
		name = "upstream"
	}
	return slices.ContainsFunc(modules.All, func(m *core.Module) bool { return m.Name == "ngx_http_"+name+"_module" })
}
