package core

import (
	"hearth/internal/text"
)

// Statuses that nginx has for its own use. The first four go out as 400.
const (
	StatusHeaderTooLarge = 494
	StatusCertError      = 495
	StatusNoCert         = 496
	StatusToHTTPS        = 497
	StatusClientClosed   = 499 // only in logs
	StatusCloseNow       = 444 // close the connection without an answer
)

// pageTitles are the titles of the built-in pages; a status without one is answered without a body.
var pageTitles = map[int]string{
	301: "301 Moved Permanently",
	302: "302 Found",
	303: "303 See Other",
	307: "307 Temporary Redirect",
	308: "308 Permanent Redirect",
	400: "400 Bad Request",
	401: "401 Authorization Required",
	402: "402 Payment Required",
	403: "403 Forbidden",
	404: "404 Not Found",
	405: "405 Not Allowed",
	406: "406 Not Acceptable",
	408: "408 Request Time-out",
	409: "409 Conflict",
	410: "410 Gone",
	411: "411 Length Required",
	412: "412 Precondition Failed",
	413: "413 Request Entity Too Large",
	414: "414 Request-URI Too Large",
	415: "415 Unsupported Media Type",
	416: "416 Requested Range Not Satisfiable",
	421: "421 Misdirected Request",
	429: "429 Too Many Requests",
	494: "400 Request Header Or Cookie Too Large",
	495: "400 The SSL certificate error",
	496: "400 No required SSL certificate was sent",
	498: "404 Not Found", // nginx has it for a request that was cancelled
	497: "400 The plain HTTP request was sent to HTTPS port",
	500: "500 Internal Server Error",
	501: "501 Not Implemented",
	502: "502 Bad Gateway",
	503: "503 Service Temporarily Unavailable",
	504: "504 Gateway Time-out",
	505: "505 HTTP Version Not Supported",
	507: "507 Insufficient Storage",
}

// msiePadding keeps old browsers from showing an error page of their own instead of a short one.
const msiePadding = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"

var contentTypeHTML = []byte("text/html")

// answer gives a response of that status: the error page configured for it, or the built-in one.
func (r *Request) answer(status int) Verdict {
	if status == StatusCloseNow {
		r.noteStatus(status)
		return Close
	}
	if r.HeadSent { // too late for another answer: cut this one, so that it does not look complete
		r.abort()
		return Done
	}
	if status == StatusClientClosed || status == 408 {
		r.noteStatus(status)
		r.abort()
		return Done
	}
	if status >= 200 && status < 300 && status != 201 && status != 204 {
		return r.Reply(status, nil, nil)
	}
	r.ErrStatus = status
	if !reusable(status) {
		r.Down.NoKeepAlive()
	}
	r.Out.ContentType = nil
	if page := r.errorPageFor(status); page != nil {
		return r.serveErrorPage(page)
	}
	r.DiscardBody()
	return r.sendPage(status)
}

// reusable tells whether the connection may serve another request after an answer of this status.
func reusable(status int) bool {
	switch status {
	case 400, 413, 414, 495, 496, 497, 500, 501:
		return false
	}
	return true
}

// sendPage sends the built-in page of a status as the response.
func (r *Request) sendPage(status int) Verdict {
	c := r.Location.Conf
	if c.MSIERefresh && (status == 301 || status == 302) && r.isMSIE() {
		return r.sendRefresh()
	}
	title := pageTitles[status]
	if status >= StatusHeaderTooLarge && status <= StatusToHTTPS {
		r.ErrStatus = 400
	}
	r.Out.ClearEntity()
	r.Out.Status = status
	if title == "" {
		r.Out.ContentLength = 0
		return r.sendWhole(nil)
	}
	r.Out.ContentType = contentTypeHTML
	return r.sendWhole(r.page(status, title))
}

// page builds the built-in page in the request's memory, byte for byte as nginx's but for the name at its foot.
func (r *Request) page(status int, title string) []byte {
	tokens := r.Location.Conf.ServerTokens.Eval(r)
	dst := r.Alloc(256 + 2*len(title) + len(tokens) + 6*len(msiePadding))[:0]
	dst = append(dst, "<html>\r\n<head><title>"...)
	dst = append(dst, title...)
	dst = append(dst, "</title></head>\r\n<body>\r\n<center><h1>"...)
	if status >= StatusHeaderTooLarge && status <= StatusToHTTPS {
		dst = append(dst, "400 Bad Request</h1></center>\r\n<center>"...)
		dst = append(dst, title[len("400 "):]...)
		dst = append(dst, "</center>\r\n"...)
	} else {
		dst = append(dst, title...)
		dst = append(dst, "</h1></center>\r\n"...)
	}
	dst = append(dst, "<hr><center>"...)
	dst = append(dst, tokens...)
	dst = append(dst, "</center>\r\n</body>\r\n</html>\r\n"...)
	if r.Location.Conf.MSIEPadding && status >= 400 && r.Head.Major == 1 && (r.isMSIE() || r.isChrome()) {
		for range 6 {
			dst = append(dst, msiePadding...)
		}
	}
	return dst
}

// sendWhole sends the head and a body that is in memory, and waits until they are gone.
func (r *Request) sendWhole(body []byte) Verdict {
	r.Out.ContentLength = int64(len(body))
	if r.SendHead() != nil {
		return Done
	}
	if r.Send(Chunk{Mem: body, Last: true}) == nil && r.IsMain() {
		if err := r.Down.WaitFlush(); err != nil {
			r.broken(err)
		}
	}
	return Done
}

// sendRefresh answers old MSIE with a page that redirects, since it lost POST data and fragments in redirects.
func (r *Request) sendRefresh() Verdict {
	const head = "<html><head><meta http-equiv=\"Refresh\" content=\"0; URL="
	const tail = "\"></head><body></body></html>\r\n"
	location := r.Out.Location
	r.ErrStatus, r.Out.Status = 200, 200
	r.Out.Location = nil
	r.Out.ClearEntity()
	r.Out.ContentType = contentTypeHTML
	body := append(r.Alloc(len(head) + len(tail) + 3*len(location))[:0], head...)
	body = text.AppendEscapeRefresh(body, location)
	return r.sendWhole(append(body, tail...))
}
