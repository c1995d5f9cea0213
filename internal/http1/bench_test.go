package http1

import (
	"strings"
	"testing"
)

var (
	wrkRequest = []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")

	browserRequest = []byte("GET /assets/app.3f9c.js?v=12 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: no-cors\r\n" +
		"Referer: https://www.example.com/index.html\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
		"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\n\r\n")

	smallResponse = []byte("HTTP/1.1 200 OK\r\n" +
		"Server: nginx/1.31.4\r\n" +
		"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Content-Type: text/plain\r\n" +
		"Content-Length: 13\r\n" +
		"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Connection: keep-alive\r\n" +
		"ETag: \"61f01158-d\"\r\n" +
		"Accept-Ranges: bytes\r\n\r\n")
)

func benchmarkRequest(b *testing.B, head []byte) {
	var p RequestParser
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		p.Reset(&defaults)
		if n, err := p.Parse(head); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkRequestWrk(b *testing.B)     { benchmarkRequest(b, wrkRequest) }
func BenchmarkRequestBrowser(b *testing.B) { benchmarkRequest(b, browserRequest) }

func BenchmarkResponse(b *testing.B) {
	var p ResponseParser
	opt := ResponseOptions{LineLimit: 8192, TotalLimit: 8192}
	b.SetBytes(int64(len(smallResponse)))
	b.ReportAllocs()
	for b.Loop() {
		p.Reset(&opt, MethodGet)
		if n, err := p.Parse(smallResponse); n != len(smallResponse) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkChunks(b *testing.B) {
	body := []byte(strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 16) + "0\r\n\r\n")
	var c ChunkReader
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		c.ResetResponse(0)
		for rest := body; !c.Done(); {
			_, n, err := c.Decode(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
	}
}

func BenchmarkNormalizePathUnchanged(b *testing.B) {
	path := []byte("/assets/js/app.3f9c.js")
	b.ReportAllocs()
	for b.Loop() {
		if _, changed, err := NormalizePath(nil, path, true); changed || err != nil {
			b.Fatal(changed, err)
		}
	}
}

func BenchmarkWriteHead(b *testing.B) {
	var p RequestParser
	p.Reset(&defaults)
	if _, err := p.Parse(browserRequest); err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendRequestLine(dst[:0], p.Head.Method, p.Head.Target, 1)
		for i := range p.Head.Fields {
			dst = AppendField(dst, p.Head.Fields[i].Name, p.Head.Fields[i].Value)
		}
		dst = append(dst, EndHead...)
	}
}
