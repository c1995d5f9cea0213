package pool_test

import (
	"strings"
	"testing"

	"hearth/internal/pool"
)

// "A closed list in one file"
func TestTheReasonsAreThoseOfTheSpecification(t *testing.T) {
	const closes = `error upstream_eof upstream_connection_close http10 response_unread request_unsent unexpected_data
		max_requests max_age idle_timeout learned_timeout evicted peer_removed upgraded shutdown disabled`
	const misses = `no_idle identity raced fresh_required disabled`
	var got []string
	for _, c := range pool.Closes() {
		got = append(got, c.String())
	}
	if want := strings.Fields(closes); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("closes: %v", got)
	}
	got = nil
	for _, m := range pool.Misses() {
		got = append(got, m.String())
	}
	if strings.Join(got, " ") != misses {
		t.Errorf("misses: %v", got)
	}
}
