package docs

import (
	"strings"
	"testing"

	"hearth/internal/server"
)

// meant are the differences to nginx's documentation in contexts, blocks and defaults that are no slips of a table.
var meant = map[string]string{
	"ngx_core_module env":                       "an empty list: TZ is always kept",
	"ngx_core_module error_log":                 "stream and mail are not there yet; -e says where it goes by default",
	"ngx_core_module pid":                       "hearth is not installed in nginx's place",
	"ngx_core_module user":                      "the group is that of the user",
	"ngx_http_charset_module charset_types":     "text/html is always among them",
	"ngx_http_core_module server_name":          "no name is the empty name",
	"ngx_http_grpc_module grpc_ssl_name":        "the documentation puts it in words",
	"ngx_http_log_module log_format":            "combined is built in",
	"ngx_http_proxy_module proxy_set_header":    "Host $proxy_host is built in",
	"ngx_http_upstream_module resolver_timeout": "that of the http block, whose default it is",
}

func TestRowsAgreeWithNginxsDocumentation(t *testing.T) {
	for _, slip := range server.Schema().Audit() {
		if name, _, _ := strings.Cut(slip, ":"); meant[name] == "" {
			t.Error(slip)
		}
	}
}
