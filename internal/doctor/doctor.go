// Package doctor reads the status interface of a running hearth and says, for each upstream, how well its connections are
// kept, and what would keep them better.
//
// It knows the documents of package api and nothing of the process behind them, which may be on another machine.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"hearth/internal/api"
)

// Examine fetches what there is at the address of an `api` location, writes the report, and returns how much advice is in it.
func Examine(out io.Writer, url string) (advice int, err error) {
	url = strings.TrimSuffix(url, "/")
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	var process api.Nginx
	if err := fetch(fmt.Sprintf("%s/%d/nginx", url, api.Version), &process); err != nil {
		return 0, err
	}
	var upstreams map[string]api.Upstream
	if err := fetch(fmt.Sprintf("%s/%d/http/upstreams", url, api.Version), &upstreams); err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "%s at %s, configuration %d, loaded %s ago\n", process.Build, process.Address, process.Generation,
		process.Now.Sub(process.Loaded).Round(time.Second))
	if len(upstreams) == 0 {
		fmt.Fprintf(out, "\nno upstreams\n")
	}
	for _, name := range slices.Sorted(maps.Keys(upstreams)) {
		u := upstreams[name]
		advice += report(out, name, &u)
	}
	return advice, nil
}

const patience = 10 * time.Second

func fetch(url string, to any) error {
	client := http.Client{Timeout: patience}
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		return fmt.Errorf("%s: %s; is this the address of a location with \"api\"?", url, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(to); err != nil {
		return fmt.Errorf("%s: no answer of a status interface: %w", url, err)
	}
	return nil
}

// report writes about one upstream.
func report(out io.Writer, name string, u *api.Upstream) (advice int) {
	p := &u.Pool
	fmt.Fprintf(out, "\nupstream %s\n", name)
	fmt.Fprintf(out, "    requests %d, reused %s, at once %d at most; idle connections %d of at most %d\n",
		p.Leases, percent(p.Reused, p.Leases), p.Peak, p.Idle, p.Limits.Idle)
	for _, list := range []struct {
		what string
		by   map[string]int64
	}{{"dialled", p.Misses}, {"closed", p.Closes}} {
		if said := reasons(list.by); said != "" {
			fmt.Fprintf(out, "    %-8s %s\n", list.what+":", said)
		}
	}
	for i := range u.Peers {
		describe(out, &u.Peers[i])
	}
	for _, rule := range rules {
		if text := rule(u); text != "" {
			fmt.Fprintf(out, "  - %s\n", text)
			advice++
		}
	}
	if advice == 0 {
		fmt.Fprintf(out, "    nothing to improve%s\n", map[bool]string{true: ", as far as so few requests tell"}[p.Leases < enough])
	}
	return advice
}

// describe says of a peer what is not usual.
func describe(out io.Writer, p *api.Peer) {
	if p.State != "up" {
		fmt.Fprintf(out, "    %s is %s\n", p.Name, p.State)
	}
	if p.Pool != nil && p.Pool.Learned > 0 {
		fmt.Fprintf(out, "    %s was seen to close idle connections; here they are closed before, after %s\n", p.Name, span(p.Pool.Learned))
	}
}

// reasons lists those that were counted, the most frequent first.
func reasons(by map[string]int64) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(by)), func(name string) bool { return by[name] == 0 })
	slices.SortStableFunc(names, func(a, b string) int { return int(min(max(by[b]-by[a], -1), 1)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, by[name])
	}
	return strings.Join(names, ", ")
}

// percent is a share without rounding a little less than all up to all.
func percent(part, of int64) string {
	if of == 0 {
		return "none"
	}
	return fmt.Sprintf("%.2f %%", float64(part*10000/of)/100)
}

func span(ms float64) string {
	return (time.Duration(ms) * time.Millisecond).String()
}
