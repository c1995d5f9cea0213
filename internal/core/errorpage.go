package core

import (
	"bytes"
	"strconv"
	"strings"

	"hearth/internal/conf"
)

// ErrorPage is what an error_page directive says of one status.
type ErrorPage struct {
	Status    int
	Overwrite int    // status to answer with instead; 0 = that of the page (`=`); -1 = the original one
	URI       *Value // a path, @name, or a URL to redirect to
	Args      []byte // arguments of a URI without variables
}

// parseErrorPage parses `error_page code ... [=[response]] uri`.
func parseErrorPage(c *conf.Cursor, args []string) ([]ErrorPage, error) {
	uri := args[len(args)-1]
	codes := args[:len(args)-1]
	page := ErrorPage{Overwrite: -1}
	if last := codes[len(codes)-1]; strings.HasPrefix(last, "=") {
		if len(codes) == 1 {
			return nil, c.Errorf("invalid value \"%s\"", last)
		}
		page.Overwrite = 0
		if last != "=" {
			n, err := strconv.ParseUint(last[1:], 10, 31)
			if err != nil {
				return nil, c.Errorf("invalid value \"%s\"", last)
			}
			page.Overwrite = int(n)
		}
		codes = codes[:len(codes)-1]
	}
	value, err := CompileValue(c, uri)
	if err != nil {
		return nil, err
	}
	if s, ok := value.Literal(); ok && strings.HasPrefix(s, "/") {
		if path, args, found := strings.Cut(s, "?"); found {
			page.Args = []byte(args)
			if value, err = CompileValue(c, path); err != nil {
				return nil, err
			}
		}
	}
	page.URI = value
	return expandPages(c, page, codes)
}

// expandPages makes one ErrorPage for each of the codes.
func expandPages(c *conf.Cursor, page ErrorPage, codes []string) ([]ErrorPage, error) {
	var pages []ErrorPage
	for _, code := range codes {
		n, err := strconv.ParseUint(code, 10, 31)
		if err != nil || n == StatusClientClosed {
			return nil, c.Errorf("invalid value \"%s\"", code)
		}
		if n < 300 || n > 599 {
			return nil, c.Errorf("value \"%s\" must be between 300 and 599", code)
		}
		p := page
		p.Status = int(n)
		if p.Overwrite == -1 && n >= StatusHeaderTooLarge && n <= StatusToHTTPS {
			p.Overwrite = 400
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// errorPageFor returns the error page configured for a status. While one is being served there is no other, unless
// recursive_error_pages is on.
func (r *Request) errorPageFor(status int) *ErrorPage {
	c := r.Location.Conf
	if r.errorPage || len(c.ErrorPages) == 0 || r.Redirects == 0 {
		return nil
	}
	if !c.RecursiveErrorPages {
		r.errorPage = true
	}
	for i := range c.ErrorPages {
		if c.ErrorPages[i].Status == status {
			return &c.ErrorPages[i]
		}
	}
	return nil
}

var (
	methodGet = []byte("GET")
	at        = []byte("@")
)

// serveErrorPage redirects internally to the page, or tells the client to go elsewhere.
func (r *Request) serveErrorPage(p *ErrorPage) Verdict {
	if p.Overwrite >= 0 {
		r.ErrStatus = p.Overwrite
	}
	uri := p.URI.Eval(r)
	switch {
	case bytes.HasPrefix(uri, slash):
		args := p.Args
		if _, literal := p.URI.Literal(); !literal {
			uri, args = SplitArgs(uri)
		}
		if !r.IsHead() {
			r.Method = methodGet
		}
		return r.again(r.InternalRedirect(uri, args))
	case bytes.HasPrefix(uri, at):
		return r.again(r.NamedLocation(uri))
	}
	r.DiscardBody()
	switch r.ErrStatus = p.Overwrite; p.Overwrite {
	case 301, 302, 303, 307, 308:
	default:
		r.ErrStatus = 302
	}
	r.Out.Location = uri
	return r.sendPage(r.ErrStatus)
}

// again answers a redirect that was refused.
func (r *Request) again(v Verdict) Verdict {
	if v > 0 {
		return r.answer(int(v))
	}
	return v
}

func (r *Request) userAgent() []byte {
	v, _ := r.In("User-Agent")
	return v
}

func (r *Request) isMSIE() bool {
	agent := r.userAgent()
	at := bytes.Index(agent, []byte("MSIE "))
	return at >= 0 && at+len("MSIE 6.") < len(agent) && !bytes.Contains(agent, []byte("Opera"))
}

func (r *Request) isChrome() bool {
	agent := r.userAgent()
	return bytes.Contains(agent, []byte("Chrome/")) && !bytes.Contains(agent, []byte("Opera"))
}
