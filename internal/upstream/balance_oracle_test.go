package upstream_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"hearth/internal/loop"
	"hearth/internal/modules/nginxtest"
	"hearth/internal/upstream"
)

// TestBalancersChooseAsNginx sends the same requests through nginx and hearth, and compares which server each was sent
// to. Servers are named 1.sock, 2.sock ... and answer with their number; with every method that is deterministic
// the choices must be the same, request by request.
func TestBalancersChooseAsNginx(t *testing.T) {
	const servers = 5
	for name, block := range map[string]string{
		"round robin":            "server unix:DIR/1.sock; server unix:DIR/2.sock; server unix:DIR/3.sock;",
		"weighted round robin":   "server unix:DIR/1.sock weight=5; server unix:DIR/2.sock; server unix:DIR/3.sock weight=2;",
		"round robin, one down":  "server unix:DIR/1.sock weight=3; server unix:DIR/2.sock down; server unix:DIR/3.sock; server unix:DIR/4.sock backup;",
		"least_conn":             "least_conn; server unix:DIR/1.sock weight=2; server unix:DIR/2.sock; server unix:DIR/3.sock;",
		"hash":                   "hash $arg_k; server unix:DIR/1.sock; server unix:DIR/2.sock; server unix:DIR/3.sock; server unix:DIR/4.sock;",
		"hash with weights":      "hash $arg_k; server unix:DIR/1.sock weight=3; server unix:DIR/2.sock weight=7; server unix:DIR/3.sock;",
		"hash, one down":         "hash $arg_k; server unix:DIR/1.sock; server unix:DIR/2.sock down; server unix:DIR/3.sock;",
		"hash of the empty key":  "hash $arg_none; server unix:DIR/1.sock; server unix:DIR/2.sock; server unix:DIR/3.sock;",
		"consistent":             "hash $arg_k consistent; server unix:DIR/1.sock; server unix:DIR/2.sock; server unix:DIR/3.sock; server unix:DIR/4.sock; server unix:DIR/5.sock;",
		"consistent, weights":    "hash $arg_k consistent; server unix:DIR/1.sock weight=4; server unix:DIR/2.sock; server unix:DIR/3.sock weight=2;",
		"consistent, one down":   "hash $arg_k consistent; server unix:DIR/1.sock; server unix:DIR/2.sock down; server unix:DIR/3.sock; server unix:DIR/4.sock;",
		"consistent, two twice":  "hash $arg_k consistent; server unix:DIR/1.sock; server unix:DIR/2.sock; server unix:DIR/2.sock; server unix:DIR/4.sock;",
		"consistent, text as is": "hash \"$arg_k-$arg_k\" consistent; server unix:DIR/1.sock; server unix:DIR/2.sock;",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			block := strings.ReplaceAll(block, "DIR", dir)
			var keys, want []string
			config := "http { access_log off; upstream u { zone u 64k; " + block + " }\n" +
				"server { listen 80; location / { proxy_pass http://u; } }\n"
			for i := range servers {
				config += fmt.Sprintf("server { listen unix:%s/%d.sock; return 200 %d; }\n", dir, i+1, i+1)
			}
			nginx := nginxtest.Start(t, config+"}")
			for i := range 200 {
				keys = append(keys, fmt.Sprintf("%d.%d.7.%d", i*37%256, i*i%256, i))
			}
			for _, key := range keys {
				want = append(want, strings.TrimSpace(nginx.Get("/?k="+key).Body))
			}

			w := newWorld(t, "upstream u { "+block+" }")
			for i := range servers {
				w.serve(fmt.Sprintf("unix:%s/%d.sock", dir, i+1))
			}
			for i, key := range keys {
				got := w.get("/?k=" + key)
				got = strings.TrimSuffix(got[strings.LastIndexByte(got, '/')+1:], ".sock")
				if got != want[i] {
					t.Fatalf("request %d, key %s: hearth chose %s, nginx %s", i, key, got, want[i])
				}
			}
		})
	}
}

func TestIPHashChoosesAsNginx(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1}, {1, 2, 5, 1}, {1, 0, 3}} { // 0 = down
		dir := t.TempDir()
		config := "http { access_log off; upstream u { ip_hash; "
		var list []*upstream.Peer
		for i, weight := range weights {
			params := upstream.Params{Weight: max(weight, 1), MaxFails: 1, Down: weight == 0}
			list = append(list, &upstream.Peer{Name: fmt.Sprint(i), Params: params})
			config += fmt.Sprintf("server unix:%s/%d.sock weight=%d", dir, i, params.Weight)
			if params.Down {
				config += " down"
			}
			config += "; "
		}
		// The client's address is what a header says.
		config += "} server { listen 80; set_real_ip_from unix:; real_ip_header X-Client; location / { proxy_pass http://u; } }\n"
		for i := range weights {
			config += fmt.Sprintf("server { listen unix:%s/%d.sock; return 200 %d; }\n", dir, i, i)
		}
		nginx := nginxtest.Start(t, config+"}")
		balancer := upstream.NewIPHash(upstream.NewPeers(new(sync.Mutex), list))
		for i := range 200 {
			addr := fmt.Sprintf("%d.%d.%d.1", i*37%223+1, i*i%256, i)
			if i%3 == 0 {
				addr = fmt.Sprintf("2001:db8:%x::%x", i*i, i)
			}
			var key upstream.Key
			key.Reset(netip.MustParseAddr(addr), nil)
			p, err := balancer.Pick(&key, new(upstream.Tried), loop.SimStart)
			if err != nil {
				t.Fatal(err)
			}
			if want := nginx.Get("/", "X-Client: "+addr).Body; p.Name != want {
				t.Fatalf("weights %v, client %s: hearth chose %s, nginx %s", weights, addr, p.Name, want)
			}
		}
	}
}
