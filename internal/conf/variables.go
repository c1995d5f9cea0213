package conf

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

//go:embed reference/nginx-variables.tsv
var variablesTSV string

// variableFamilies are the variables of the list that stand for all names of a prefix.
var variableFamilies = []string{
	"arg_", "cookie_", "http_", "sent_http_", "sent_trailer_", "proxy_protocol_tlv_",
	"upstream_cookie_", "upstream_http_", "upstream_trailer_", "jwt_header_", "jwt_claim_", "oidc_claim_",
}

// KnownVariable returns the module of nginx that has a variable of http, given without its
// dollar; "" if none has. It lets an error tell a variable missing here from one that never was.
func KnownVariable(name string) (module string) {
	for _, prefix := range variableFamilies {
		if strings.HasPrefix(name, prefix) {
			name = prefix + "name"
		}
	}
	eachVariable(func(m, v string) {
		if v == name && module == "" {
			module = m
		}
	})
	return module
}

// eachVariable calls fn for the variables of the list that are not of stream modules.
func eachVariable(fn func(module, name string)) {
	for _, line := range strings.Split(variablesTSV, "\n")[1:] {
		module, name, ok := strings.Cut(line, "\t$")
		if ok && !strings.HasPrefix(module, "ngx_stream_") {
			fn(module, name)
		}
	}
}

// WriteVariables writes the table of nginx's http variables and their state here, to follow
// what WriteReference writes. has tells whether a variable is supported; it is asked for
// "arg_name" and the like for families.
func WriteVariables(w io.Writer, has func(name string) bool) error {
	var text strings.Builder
	text.WriteString("\n## Variables\n\n| variable | state | module |\n|---|---|---|\n")
	eachVariable(func(module, name string) {
		state := "not yet"
		if has(name) {
			state = "supported"
		}
		fmt.Fprintf(&text, "| `$%s` | %s | %s |\n", name, state, module)
	})
	_, err := io.WriteString(w, text.String())
	return err
}
