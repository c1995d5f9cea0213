// Package emptygif is empty_gif: a transparent picture of one pixel, from memory (nginx's ngx_http_empty_gif_module).
package emptygif

import (
	"hearth/internal/conf"
	"hearth/internal/core"
)

// Module has the directive, which makes the content handler of its location.
var Module = core.Module{
	Name: "ngx_http_empty_gif_module",
	Directives: []conf.Directive{{
		Name: "empty_gif", In: conf.Location, Args: conf.NoArgs,
		Doc: "Answers with a transparent picture of one pixel.",
		Set: func(_ *conf.Cursor, b *conf.Block, _ []string) error {
			core.SetContent(b, serve)
			return nil
		},
	}},
}

// lastModified is the date that nginx gives the picture: 28 September 1970, 06:00 UTC.
const lastModified = 23349600

func serve(r *core.Request) core.Verdict {
	if m := string(r.Method); m != "GET" && m != "HEAD" {
		return 405
	}
	r.Out.LastModified = lastModified
	return r.Reply(200, contentType, picture)
}

var (
	contentType = []byte("image/gif")
	picture     = []byte("GIF89a\x01\x00\x01\x00\x80\x01\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x01\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02L\x01\x00;")
)
