package test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// exampleConf is what a user brings: only the addresses and the log's path are this test's.
const exampleConf = `
worker_processes auto;
events { worker_connections 4096; }
http {
    log_format up '$remote_addr "$request" $status $body_bytes_sent $upstream_addr $upstream_connect_time $upstream_response_time';
    access_log logs/access.log up;
    upstream api_backend {
        zone api_backend 64k;
        least_conn;
        server %BACK1% weight=5 max_fails=2 fail_timeout=5s;
        server %BACK2% weight=3 max_conns=100;
        server %BACK3% backup;
        keepalive 64;
        keepalive_timeout 60s;
        keepalive_requests 10000;
        keepalive_time 1h;
    }
    server {
        listen %PORT1%;
        server_name api.example.com *.api.example.com ~^v(?<ver>\d+)\.example\.com$;
        keepalive_timeout 75s;
        keepalive_requests 1000;
        location / {
            proxy_pass http://api_backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_connect_timeout 5s;
            proxy_send_timeout 60s;
            proxy_read_timeout 60s;
        }
        location /nginx_status { stub_status on; access_log off; allow 127.0.0.1; deny all; }
    }
}
`

// example starts hearth with it and nothing else in the configuration: what a test needs is said on the command line.
func example(l *Lab) *Proxy {
	p := l.prepare(hearthBinary, exampleConf)
	p.Args = []string{"-g", fmt.Sprintf("daemon off; pid %s/logs/pid; user %s;", p.Dir, whoami())}
	p.launch()
	p.waitListening()
	p.opened = p.descriptors()
	return p
}

func TestTheExampleIsServedUnderAllItsNames(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 3 {
		l.Backend(nil)
	}
	p := example(l)
	for _, host := range []string{"api.example.com", "API.Example.Com", "eu.api.example.com", "a.b.api.example.com", "v12.example.com", "other.org"} {
		got := l.Get(p.Addr(1), "/a%20b?c=d", "Host: "+host+":80", "X-Forwarded-For: 10.0.0.1", "X-Mine: 1")
		want := fmt.Sprintf("GET /a%%20b?c=d HTTP/1.1\r\nHost: %s\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-For: 10.0.0.1, 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Mine: 1\r\n\r\n",
			strings.ToLower(host))
		if got.Status != 200 || got.Body != want {
			t.Errorf("%s: %d, the backend got\n%s\nwant\n%s", host, got.Status, got.Body, want)
		}
	}
	p.Log("logs/access.log", "\n")
	line := regexp.MustCompile(`(?m)^127\.0\.0\.1 "GET /a%20b\?c=d HTTP/1\.1" 200 \d+ 127\.0\.0\.1:\d+ \d\.\d{3} \d\.\d{3}$`)
	eventually(t, "six lines in the access log", func() bool { return len(line.FindAllString(p.Read("logs/access.log"), -1)) == 6 })
}

func TestTheExampleSharesConnectionsOfItsBackends(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 3 {
		l.Backend(nil)
	}
	p := example(l)
	const clients, each = 16, 50
	var all sync.WaitGroup
	for range clients {
		c := l.Dial(p.Addr(1))
		all.Go(func() {
			for range each {
				fmt.Fprint(c, request("GET", "/", "Host: api.example.com"))
				if a, err := c.Receive("GET"); err != nil || a.Status != 200 {
					t.Errorf("%v %d", err, a.Status)
				}
			}
			c.Close()
		})
	}
	all.Wait()
	dialled, served := 0, make([]int, 3)
	for i, b := range l.backends {
		dialled += b.Connections()
		served[i] = len(b.Seen())
	}
	if dialled > clients {
		t.Errorf("%d connections dialled for at most %d requests at a time", dialled, clients)
	}
	if sum := served[0] + served[1]; sum != clients*each || served[2] != 0 {
		t.Errorf("the backends served %v, want %d by the first two", served, clients*each)
	}
	if share := float64(served[0]) / (clients * each); share < 0.5 || share > 0.75 {
		t.Errorf("weight 5 of 8 got %.2f of the requests", share)
	}
}

func TestTheExampleCountsOnItsStatusPage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 3 {
		l.Backend(nil)
	}
	p := example(l)
	c := l.Dial(p.Addr(1))
	for range 3 {
		fmt.Fprint(c, request("GET", "/"))
		c.Receive("GET")
	}
	want := regexp.MustCompile(`^Active connections: 2 \nserver accepts handled requests\n (\d+) (\d+) (\d+) \nReading: 0 Writing: 1 Waiting: 1 \n$`)
	asked, got := 3, Answer{}
	defer func() { t.Logf("%d %q", got.Status, got.Body) }()
	// On two loops the page may be made before the other loop has put its connection to rest, whose answer has just come.
	eventually(t, "the status page counts what there is", func() bool {
		asked++
		got = l.Get(p.Addr(1), "/nginx_status")
		m := want.FindStringSubmatch(got.Body)
		return got.Status == 200 && m != nil && m[1] == m[2] && m[3] == strconv.Itoa(asked)
	})
	if strings.Contains(p.Read("logs/access.log"), "nginx_status") {
		t.Error("access_log off is not")
	}
}
