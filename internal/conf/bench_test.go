package conf_test

import (
	"fmt"
	"strings"
	"testing"

	"hearth/internal/conf"
)

// BenchmarkLoad reads 1000 servers with 4 locations each: a reload of a large configuration.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("events {} http {\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "server { server_name s%d.example.com; client_header_timeout 5s;\n", i)
		for j := range 4 {
			fmt.Fprintf(&text, "location /%d { proxy_buffering off; add_header X-Served %d; error_page 500 502 503 504 /sorry; }\n", j, i)
		}
		text.WriteString("}\n")
	}
	text.WriteString("}\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := load(text.String()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSlotOf is what a request may do: it must not allocate.
func BenchmarkSlotOf(b *testing.B) {
	config, _, err := load(exampleFile)
	if err != nil {
		b.Fatal(err)
	}
	location := config.Root.Find(conf.HTTP)[0].Children[0].Children[0]
	b.ReportAllocs()
	for b.Loop() {
		if locations.Of(location).Buffering {
			b.Fatal("the wrong block")
		}
	}
}
