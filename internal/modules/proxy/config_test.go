package proxy

import (
	"strings"
	"testing"

	"hearth/internal/core"
	"hearth/internal/core/coretest"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/modules/rewrite"
	"hearth/internal/upstream"
)

// configModules are those whose blocks proxy_pass stands in.
var configModules = []*core.Module{&rewrite.Module, &upstream.Module, &Module}

const passes = "proxy_pass http://127.0.0.1:9001"

// asNginx are configurations that Debian's nginx knows everything of. What it says of them, hearth says too.
var asNginx = []string{
	// proxy_pass
	"location / { proxy_pass; }",
	"location / { proxy_pass a b; }",
	"location / { proxy_pass http://127.0.0.1:9001; proxy_pass http://127.0.0.1:9001; }",
	"location / { proxy_pass http://127.0.0.1:9001; return 200; }",
	"location / { proxy_pass 127.0.0.1:9001; }",
	"location / { proxy_pass ftp://127.0.0.1:9001; }",
	"location / { proxy_pass http:/127.0.0.1:9001; }",
	"location / { proxy_pass HTTP://127.0.0.1:9001; }",
	"location / { proxy_pass http://; }",

	"location / { proxy_pass http://:80; }",
	"location / { proxy_pass http://127.0.0.1:; }",
	"location / { proxy_pass http://127.0.0.1:0; }",
	"location / { proxy_pass http://127.0.0.1:65536; }",
	"location / { proxy_pass http://127.0.0.1:x; }",
	"location / { proxy_pass http://127.0.0.1:x/uri; }",
	"location / { proxy_pass http:///uri; }",

	"location / { proxy_pass http://127.0.0.1:1-2; }",
	"location / { proxy_pass http://[::1]:9001; }",
	"location / { proxy_pass http://[::1]; }",
	"location / { proxy_pass http://[::1; }",
	"location / { proxy_pass http://[::1]x; }",
	"location / { proxy_pass http://[x]; }",
	"location / { proxy_pass http://unix:/tmp/s; }",
	"location / { proxy_pass http://unix:/tmp/s:; }",
	"location / { proxy_pass http://unix:/tmp/s:/x; }",
	"location / { proxy_pass http://unix:; }",
	"location / { proxy_pass http://127.0.0.1?x; }",
	"location / { proxy_pass http://127.0.0.1:9001?x; }",
	"location / { proxy_pass http://127.0.0.1#x; }",
	"location / { proxy_pass http://nosuch.invalid; }",
	"location / { proxy_pass http://nosuch.invalid/x; }",
	"location / { proxy_pass http://nosuch.invalid:81; }",
	"location / { proxy_pass http://$host; }",
	"location / { proxy_pass $scheme://$host$uri; }",
	"location / { proxy_pass http://$nosuch; }",
	"location / { proxy_pass http://${host; }",
	"location / { proxy_pass http://$; }",
	"proxy_pass http://127.0.0.1;",
	"location ~ / { proxy_pass http://127.0.0.1:9001; }",
	"location ~ / { proxy_pass http://127.0.0.1:9001/; }",
	"location ~ ^/x { proxy_pass http://127.0.0.1:9001/$1; }",
	"location @n { proxy_pass http://127.0.0.1:9001/; }",
	"location @n { proxy_pass http://127.0.0.1:9001; }",
	"location / { if ($arg_a) { proxy_pass http://127.0.0.1:9001/; } }",
	"location / { if ($arg_a) { proxy_pass http://127.0.0.1:9001/$uri; } }",
	"location / { if ($arg_a) { proxy_pass http://127.0.0.1:9001; } }",
	"location / { limit_except GET { proxy_pass http://127.0.0.1:9001/; } }",
	"location / { limit_except GET { proxy_pass http://127.0.0.1:9001; } }",
	"location ~ / { location ~ /x { proxy_pass http://127.0.0.1:9001/; } }",
	"location = / { proxy_pass http://127.0.0.1:9001/x; }",
	"location ^~ /x { proxy_pass http://127.0.0.1:9001/x; }",
	"if ($arg_a) { proxy_pass http://127.0.0.1:9001; }",

	// flags, numbers, sizes, times
	"proxy_buffering;", "proxy_buffering x;", "proxy_buffering on off;", "proxy_buffering on; proxy_buffering on;", "proxy_buffering ON;",
	"proxy_request_buffering 1;", "proxy_ignore_client_abort yes;", "proxy_intercept_errors;", "proxy_pass_request_headers maybe;", "proxy_pass_request_body no;",
	"proxy_force_ranges x;", "proxy_socket_keepalive x;", "proxy_socket_keepalive on; proxy_socket_keepalive off;",
	"proxy_connect_timeout;", "proxy_connect_timeout x;", "proxy_connect_timeout 1s; proxy_connect_timeout 2s;", "proxy_connect_timeout -1;", "proxy_connect_timeout 1y;", "proxy_connect_timeout 5ms;",
	"proxy_send_timeout x;", "proxy_read_timeout '';", "proxy_read_timeout 0;", "proxy_read_timeout 30d;", "proxy_send_lowat x;", "proxy_send_lowat 1k;",
	"proxy_next_upstream_tries x;", "proxy_next_upstream_tries -1;", "proxy_next_upstream_tries 1; proxy_next_upstream_tries 1;", "proxy_next_upstream_timeout x;",
	"proxy_next_upstream;", "proxy_next_upstream x;", "proxy_next_upstream error error;", "proxy_next_upstream error x;", "proxy_next_upstream off;", "proxy_next_upstream off error;",
	"proxy_next_upstream http_500 http_502 http_503 http_504 http_403 http_404 http_429 non_idempotent invalid_header timeout error updating;",
	"proxy_next_upstream error; proxy_next_upstream timeout;", "proxy_next_upstream error; proxy_next_upstream error;", "proxy_next_upstream ERROR;",
	"proxy_ignore_headers;", "proxy_ignore_headers x;", "proxy_ignore_headers Vary Vary;", "proxy_ignore_headers vary;", "proxy_ignore_headers Vary X-Accel-Charset;", "proxy_ignore_headers Vary; proxy_ignore_headers Expires;",
	"proxy_limit_rate x;", "proxy_limit_rate 1k; proxy_limit_rate 1k;", "proxy_limit_rate 1m;", "proxy_limit_rate -1;",
	"proxy_http_version 1.2;", "proxy_http_version 1.0;", "proxy_http_version;", "proxy_http_version 1.1; proxy_http_version 1.1;", "proxy_http_version 1;",

	// buffers
	"proxy_buffer_size x;", "proxy_buffer_size 0;", "proxy_buffer_size 1;", "proxy_buffer_size 1k;", "proxy_buffer_size 16k;", "proxy_buffer_size 32k;", "proxy_buffer_size 1m;", "proxy_buffer_size 4k; proxy_buffer_size 4k;",
	"proxy_buffers 8;", "proxy_buffers x 4k;", "proxy_buffers 8 x;", "proxy_buffers 0 4k;", "proxy_buffers 1 4k;", "proxy_buffers 2 4k;", "proxy_buffers 3 4k;", "proxy_buffers 8 0;", "proxy_buffers 8 1;", "proxy_buffers 8 4k 1;",
	"proxy_buffers 2 16k;", "proxy_buffers 4 32k;", "proxy_buffers 8 4k; proxy_buffers 8 4k;", "proxy_buffers -1 4k;",
	"proxy_busy_buffers_size x;", "proxy_busy_buffers_size 1k;", "proxy_busy_buffers_size 4k;", "proxy_busy_buffers_size 8k;", "proxy_busy_buffers_size 28k;", "proxy_busy_buffers_size 29k;", "proxy_busy_buffers_size 64k;", "proxy_busy_buffers_size 0;",
	"proxy_buffers 16 8k; proxy_busy_buffers_size 120k;", "proxy_buffers 16 8k; proxy_busy_buffers_size 121k;", "proxy_buffer_size 16k; proxy_busy_buffers_size 8k;", "proxy_buffer_size 16k; proxy_busy_buffers_size 16k;",
	"proxy_temp_file_write_size x;", "proxy_temp_file_write_size 1k;", "proxy_temp_file_write_size 4k;", "proxy_temp_file_write_size 0;", "proxy_temp_file_write_size 8k; proxy_temp_file_write_size 8k;", "proxy_temp_file_write_size 64k;",
	"proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_temp_file_write_size 8k;", "proxy_buffers 8 16k; proxy_temp_file_write_size 8k;",
	"proxy_max_temp_file_size x;", "proxy_max_temp_file_size 0;", "proxy_max_temp_file_size 1k;", "proxy_max_temp_file_size 4k;", "proxy_max_temp_file_size 8k;", "proxy_max_temp_file_size 1g;", "proxy_max_temp_file_size 10g;",
	"proxy_temp_file_write_size 64k; proxy_max_temp_file_size 8k;", "proxy_max_temp_file_size 8k; proxy_max_temp_file_size 8k;",
	"proxy_buffering off; proxy_buffers 1 4k;", "location / { proxy_buffer_size 64k; }", "proxy_buffers 4 4k; location / { proxy_buffer_size 64k; proxy_busy_buffers_size 64k; }",
	"proxy_busy_buffers_size 12k; location / { proxy_buffers 2 4k; }", "proxy_buffer_size 1k; proxy_buffers 4 1k;",
	"proxy_temp_path;", "proxy_temp_path a 1 2 3;", "proxy_temp_path a 1 2 3 4;", "proxy_temp_path a x;", "proxy_temp_path a 0;", "proxy_temp_path a 4;", "proxy_temp_path a 1; proxy_temp_path b;",

	// proxy_bind
	"proxy_bind;", "proxy_bind 127.0.0.1;", "proxy_bind 127.0.0.1:80;", "proxy_bind 127.0.0.1:x;", "proxy_bind 127.0.0.1:99999;", "proxy_bind x;", "proxy_bind ::1;", "proxy_bind [::1];", "proxy_bind [::1]:1;", "proxy_bind $remote_addr;",
	"proxy_bind $remote_addr transparent;", "proxy_bind 127.0.0.1 transparent;", "proxy_bind 127.0.0.1 x;", "proxy_bind off;", "proxy_bind off transparent;", "proxy_bind 127.0.0.1; proxy_bind 127.0.0.1;", "proxy_bind off; proxy_bind off;", "proxy_bind a b c;",
	"proxy_bind $nosuch;", "proxy_bind unix:/tmp/x;", "proxy_bind '';", "proxy_bind 127.0.0.1:;", "proxy_bind 127.0.0.1:0;", "proxy_bind *;", "proxy_bind localhost;", "proxy_bind 127.0.0.1:1-2;", "proxy_bind 300.0.0.1;",

	// headers
	"proxy_set_header;", "proxy_set_header A;", "proxy_set_header A b;", "proxy_set_header A b c;", "proxy_set_header A $nosuch;", "proxy_set_header A ''; proxy_set_header A '';", "proxy_set_header '' x;", "proxy_set_header $a b;",
	"proxy_hide_header;", "proxy_hide_header a b;", "proxy_hide_header a; proxy_hide_header A;", "proxy_hide_header a; proxy_pass_header A;", "proxy_pass_header;", "proxy_pass_header a b;", "proxy_pass_header Server; proxy_pass_header Date;",
	"proxy_method;", "proxy_method a b;", "proxy_method $nosuch;", "proxy_method POST; proxy_method GET;", "proxy_method '';", "proxy_set_body;", "proxy_set_body $nosuch;", "proxy_set_body a; proxy_set_body b;", "proxy_set_body '';",
	"proxy_headers_hash_max_size x;", "proxy_headers_hash_bucket_size x;", "proxy_headers_hash_max_size 512; proxy_headers_hash_max_size 512;", "proxy_headers_hash_max_size 1024; proxy_headers_hash_bucket_size 128;",

	// proxy_redirect
	"proxy_redirect;", "proxy_redirect x;", "proxy_redirect a b;", "proxy_redirect a b c;", "proxy_redirect off;", "proxy_redirect false;", "proxy_redirect default;", "proxy_redirect off; proxy_redirect a b;", "proxy_redirect a b; proxy_redirect off;",
	"proxy_redirect a b; proxy_redirect default;", "proxy_redirect off; proxy_redirect off;", "proxy_redirect default; proxy_redirect default;", "proxy_redirect off; proxy_redirect default;",
	"location / { proxy_redirect default; }", "location / { proxy_redirect default; " + passes + "; }", "location / { " + passes + "; proxy_redirect default; }", "location / { " + passes + "; proxy_redirect default; proxy_redirect default; }",
	"location / { proxy_pass http://$host; proxy_redirect default; }", "location / { proxy_pass http://$host; proxy_redirect a b; }", "location / { proxy_pass http://$host; }",
	"proxy_redirect ~( b;", "proxy_redirect ~*(a) $1;", "proxy_redirect ~ b;", "proxy_redirect ~* b;", "proxy_redirect $nosuch b;", "proxy_redirect a $nosuch;", "proxy_redirect $host $scheme;", "proxy_redirect http:// /;", "proxy_redirect '' b;", "proxy_redirect ~(?<n>a) $n;",
	"location / { " + passes + "; proxy_redirect a b; proxy_redirect default; proxy_redirect c d; }", "location ~ x { " + passes + "; proxy_redirect default; }", "location / { if ($arg_a) { " + passes + "; } }",
	"location / { proxy_redirect a b; proxy_redirect default; " + passes + "; }",

	// cookies
	"proxy_cookie_domain;", "proxy_cookie_domain x;", "proxy_cookie_domain off;", "proxy_cookie_domain a b;", "proxy_cookie_domain a b c;", "proxy_cookie_domain ~( b;", "proxy_cookie_domain ~*(a) $1;", "proxy_cookie_domain $host $nosuch;", "proxy_cookie_domain a b; proxy_cookie_domain off;", "proxy_cookie_domain off; proxy_cookie_domain a b;", "proxy_cookie_domain off; proxy_cookie_domain off;", "proxy_cookie_domain ~ b;", "proxy_cookie_domain .a .b;", "proxy_cookie_domain $nosuch b;", "proxy_cookie_domain ~[ b;",
	"proxy_cookie_path;", "proxy_cookie_path x;", "proxy_cookie_path off;", "proxy_cookie_path a b;", "proxy_cookie_path a b c;", "proxy_cookie_path ~( b;", "proxy_cookie_path ~*(a) $1;", "proxy_cookie_path $uri $nosuch;", "proxy_cookie_path a b; proxy_cookie_path off;", "proxy_cookie_path off; proxy_cookie_path a b;", "proxy_cookie_path ~ b;", "proxy_cookie_path ~* b;",
	"proxy_cookie_flags;", "proxy_cookie_flags x;", "proxy_cookie_flags off;", "proxy_cookie_flags a secure;", "proxy_cookie_flags a x;", "proxy_cookie_flags a secure x;", "proxy_cookie_flags ~( secure;", "proxy_cookie_flags ~ secure;", "proxy_cookie_flags a secure nosecure httponly nohttponly;", "proxy_cookie_flags a samesite=none samesite=lax samesite=strict nosamesite;",
	"proxy_cookie_flags a samesite=x;", "proxy_cookie_flags a SECURE;", "proxy_cookie_flags a $arg_x;", "proxy_cookie_flags a $nosuch;", "proxy_cookie_flags off secure;", "proxy_cookie_flags off; proxy_cookie_flags a secure;", "proxy_cookie_flags a secure; proxy_cookie_flags off;", "proxy_cookie_flags a 1 2 3 4;", "proxy_cookie_flags $nosuch secure;", "proxy_cookie_flags a secure httponly samesite=lax secure;", "proxy_cookie_flags a samesite;",

	// contexts
	"location / { if ($arg_a) { proxy_buffering on; } }", "location / { if ($arg_a) { proxy_set_header A b; } }", "location / { limit_except GET { proxy_set_header A b; } }", "upstream u { proxy_buffering on; }",
}

func TestConfigurationsAreJudgedAsByNginx(t *testing.T) {
	for _, config := range asNginx {
		want := nginxtest.Check(t, config)
		got := coretest.LoadError(t, configModules, config)
		if got == "" {
			got = strings.Join(coretest.Warnings(t, configModules, config), "\n")
		}
		if got != want {
			t.Errorf("%s\n hearth: %s\n nginx:  %s", config, got, want)
		}
	}
}
