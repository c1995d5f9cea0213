package resolve

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// question is what is asked for: a name in lower case, without a final dot, and a type.
type question struct {
	name string
	kind dnsmessage.Type
}

// records is what a response says about a question.
type records struct {
	code  dnsmessage.RCode
	addrs []netip.Addr
	srv   []dnsmessage.SRVResource
	alias string        // the chain of CNAMEs ends at this name, about which nothing more is said; "" otherwise
	ttl   time.Duration // the least of the records used; of a negative answer, how long it may be kept
}

var (
	errTruncated = errors.New("truncated")
	errNotOurs   = errors.New("answer to another question")
	errBadName   = errors.New("not a domain name")
)

// payload is the UDP size we offer (EDNS0): what passes everywhere without fragments (DNS flag day 2020).
const payload = 1232

// build makes the query for q.
func build(id uint16, q question) ([]byte, error) {
	name, err := dnsmessage.NewName(q.name + ".")
	if err != nil {
		return nil, errBadName
	}
	b := dnsmessage.NewBuilder(make([]byte, 0, 512), dnsmessage.Header{ID: id, RecursionDesired: true})
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: name, Type: q.kind, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	if err := b.StartAdditionals(); err != nil {
		return nil, err
	}
	var edns dnsmessage.ResourceHeader
	if err := edns.SetEDNS0(payload, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	if err := b.OPTResource(edns, dnsmessage.OPTResource{}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// read takes from a response what it says about q. errNotOurs: it answers something else, so it is to be ignored,
// whoever sent it (RFC 5452 section 9.1). errTruncated: ask again by TCP.
func read(msg []byte, id uint16, q question) (records, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return records{}, err
	}
	if h.ID != id || !h.Response || h.OpCode != 0 {
		return records{}, errNotOurs
	}
	asked, err := p.Question()
	if err != nil {
		return records{}, err
	}
	if asked.Type != q.kind || asked.Class != dnsmessage.ClassINET || plain(asked.Name) != q.name {
		return records{}, errNotOurs
	}
	if h.Truncated {
		return records{}, errTruncated
	}
	if err := p.SkipAllQuestions(); err != nil {
		return records{}, err
	}
	answers, err := p.AllAnswers()
	if err != nil {
		return records{}, err
	}
	r := records{code: h.RCode}
	r.follow(answers, q)
	if len(r.addrs) == 0 && len(r.srv) == 0 && r.alias == "" {
		r.ttl = negativeTTL(&p)
	}
	return r, nil
}

// follow goes from the name along its CNAMEs to the records of the wanted type.
func (r *records) follow(answers []dnsmessage.Resource, q question) {
	name, least := q.name, uint32(1<<31-1)
	for range len(answers) + 1 {
		next := ""
		for i := range answers {
			rr := &answers[i]
			if rr.Header.Class != dnsmessage.ClassINET || plain(rr.Header.Name) != name {
				continue
			}
			switch body := rr.Body.(type) {
			case *dnsmessage.AResource:
				if q.kind == dnsmessage.TypeA {
					r.addrs, least = append(r.addrs, netip.AddrFrom4(body.A)), min(least, rr.Header.TTL)
				}
			case *dnsmessage.AAAAResource:
				if q.kind == dnsmessage.TypeAAAA {
					r.addrs, least = append(r.addrs, netip.AddrFrom16(body.AAAA)), min(least, rr.Header.TTL)
				}
			case *dnsmessage.SRVResource:
				if q.kind == dnsmessage.TypeSRV {
					r.srv, least = append(r.srv, *body), min(least, rr.Header.TTL)
				}
			case *dnsmessage.CNAMEResource:
				next, least = plain(body.CNAME), min(least, rr.Header.TTL)
			}
		}
		if len(r.addrs) > 0 || len(r.srv) > 0 || next == "" {
			break
		}
		name = next
	}
	if len(r.addrs) == 0 && len(r.srv) == 0 && name != q.name && r.code == dnsmessage.RCodeSuccess {
		r.alias = name
	}
	r.ttl = time.Duration(least) * time.Second
}

// negativeTTL is how long the absence of records may be remembered (RFC 2308 section 5): what the SOA record in the
// authority section says; not at all without one.
func negativeTTL(p *dnsmessage.Parser) time.Duration {
	for {
		rr, err := p.Authority()
		if err != nil {
			return 0
		}
		if soa, ok := rr.Body.(*dnsmessage.SOAResource); ok {
			return time.Duration(min(rr.Header.TTL, soa.MinTTL)) * time.Second
		}
	}
}

// plain is a name in the form of question.name.
func plain(n dnsmessage.Name) string { return fold(n.String()) }

func fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
