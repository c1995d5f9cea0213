package upstream

import (
	"bytes"
	"strings"
	"time"

	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/logs"
	"hearth/internal/pool"
	"hearth/internal/text"
)

// HeaderSet is a set of header names, compared without case.
type HeaderSet struct {
	known [256]bool // by http1.ID
	other map[string]struct{}
}

// Add puts a name into the set.
func (s *HeaderSet) Add(name string) {
	if id := http1.Lookup([]byte(name)); id != http1.Other {
		s.known[id] = true
		return
	}
	if s.other == nil {
		s.other = map[string]struct{}{}
	}
	s.other[strings.ToLower(name)] = struct{}{}
}

// Remove takes a name out of the set.
func (s *HeaderSet) Remove(name string) {
	s.known[http1.Lookup([]byte(name))] = false
	delete(s.other, strings.ToLower(name))
}

// Has reports whether the field's name is in the set.
func (s *HeaderSet) Has(f *http1.Field) bool {
	if f.ID != http1.Other || len(s.other) == 0 {
		return s.known[f.ID]
	}
	var lower [64]byte
	_, found := s.other[string(text.AppendLower(lower[:0], f.Name))]
	return found
}

// respond turns the accepted response head into the client's, and passes the body on.
func (x *Exchange) respond() core.Verdict {
	r, h := x.R, x.Head
	if h.Framing == http1.Tunnel {
		return x.tunnel()
	}
	x.obey()
	if h.Status >= 300 && x.Set.InterceptErrors && r.HasErrorPage(h.Status) {
		for i := range h.Fields {
			if f := &h.Fields[i]; f.ID == http1.WWWAuthenticate && h.Status == 401 {
				r.Out.AddField(r.Copy(f.Name), r.Copy(f.Value))
			}
		}
		x.drain()
		return core.Verdict(h.Status)
	}
	if uri, ok := h.Get(http1.XAccelRedirect); ok && x.Set.IgnoreHeaders&IgnoreRedirect == 0 {
		return x.redirect(uri)
	}
	x.copyHead()
	if err := r.SendHead(); err != nil {
		return x.clientLost(err)
	}
	switch {
	case h.Framing == http1.NoBody:
		x.finish()
	case r.IsHead(): // and proxy_method: the client has all it will get
		x.drain()
		return x.last()
	}
	x.setRate()
	return x.relay()
}

// obey does what X-Accel-* fields ask for: for this response, or for that of another location which takes its place.
func (x *Exchange) obey() {
	r, ignored := x.R, x.Set.IgnoreHeaders
	x.buffering = x.Set.Buffering
	if x.present&accel == 0 {
		return
	}
	for i := range x.Head.Fields {
		switch f := &x.Head.Fields[i]; f.ID {
		case http1.XAccelLimitRate:
			if n, ok := text.ParseSize(text.String(f.Value)); ok && ignored&IgnoreLimitRate == 0 {
				r.SetLimitRate(n)
			}
		case http1.XAccelCharset:
			if ignored&IgnoreCharset == 0 && len(f.Value) > 0 {
				r.Out.Charset = r.Copy(f.Value)
			}
		case http1.XAccelBuffering:
			switch {
			case ignored&IgnoreBuffering != 0:
			case text.EqualFold(f.Value, "no"):
				x.buffering = false
			case text.EqualFold(f.Value, "yes"):
				x.buffering = true
			}
		}
	}
}

// dropDuplicates takes out repetitions of fields that can be there once: the first one counts, as in nginx since 1.23.
func (x *Exchange) dropDuplicates() {
	x.present = 0
	twice := false
	for i := range x.Head.Fields {
		bit := single[x.Head.Fields[i].ID]
		twice = twice || x.present&bit != 0
		x.present |= bit
	}
	if twice {
		x.keepFirst()
	}
}

// keepFirst is dropDuplicates where there are some.
func (x *Exchange) keepFirst() {
	first := map[http1.ID]*http1.Field{}
	kept := x.Head.Fields[:0]
	for _, f := range x.Head.Fields {
		if before := first[f.ID]; before != nil {
			x.R.Error(logs.Warn, "upstream sent duplicate header line: \"%s: %s\", previous value: \"%s: %s\", ignored while %s",
				f.Name, f.Value, before.Name, before.Value, readingHead)
			continue
		}
		kept = append(kept, f)
		if single[f.ID] != 0 {
			first[f.ID] = &kept[len(kept)-1]
		}
	}
	x.Head.Fields = kept
}

// single has a bit for each of the fields that dropDuplicates minds.
var single = func() (bits [256]uint32) {
	for i, id := range []http1.ID{
		http1.ContentType, http1.ContentEncoding, http1.Date, http1.ETag, http1.Expires, http1.LastModified, http1.Location, http1.Server,
		http1.XAccelBuffering, http1.XAccelCharset, http1.XAccelExpires, http1.XAccelLimitRate, http1.XAccelRedirect,
	} {
		bits[id] = 1 << i
	}
	return bits
}()

// accel are the bits of fields that ask for something.
var accel = single[http1.XAccelBuffering] | single[http1.XAccelCharset] | single[http1.XAccelLimitRate]

// drain reads what is already there of a response that nobody wants. If that is all of it, the connection can be kept.
func (x *Exchange) drain() {
	for x.Head.Framing != http1.NoBody && !x.Proto.BodyDone(x) {
		if _, err := x.Proto.TryBody(x); err != nil {
			x.release(pool.ResponseUnread)
			x.done("")
			return
		}
	}
	x.finish()
}

// instead gives up the body of a response that a header filter answers otherwise (412, 416). The fields stay, as in nginx;
// they are copied, since an error page may come from a backend too, whose head takes the place of this one's bytes.
func (x *Exchange) instead() core.Verdict {
	r := x.R
	out := &r.Out
	for i := range out.Fields {
		f := &out.Fields[i]
		f.Name, f.Value = r.Copy(f.Name), r.Copy(f.Value)
	}
	for _, value := range []*[]byte{&out.Server, &out.Date} {
		if *value != nil {
			*value = r.Copy(*value)
		}
	}
	x.drain()
	return core.Done // the filter's answer takes its place
}

// redirect carries out X-Accel-Redirect: the response comes from another location, with a few of this one's fields.
func (x *Exchange) redirect(uri []byte) core.Verdict {
	r := x.R
	for i := range x.Head.Fields {
		switch f := &x.Head.Fields[i]; f.ID {
		case http1.ContentType:
			r.Out.ContentType = r.Copy(f.Value)
		case http1.SetCookie, http1.ContentDisposition, http1.CacheControl, http1.Expires, http1.AcceptRanges:
			r.Out.AddField(r.Copy(f.Name), r.Copy(f.Value))
		}
	}
	uri = r.Copy(uri)
	x.drain()
	if bytes.HasPrefix(uri, []byte("@")) {
		return r.NamedLocation(uri)
	}
	if !r.IsHead() {
		r.Method = methodGet
	}
	path, args := core.SplitArgs(uri)
	path = text.AppendUnescape(r.Alloc(len(path))[:0], path)
	if !safe(path) {
		r.Error(logs.Error, "unsafe URI \"%s\" was detected while %s", path, readingHead)
		return 404
	}
	return r.InternalRedirect(path, args)
}

// safe is nginx's rule for the path of an X-Accel-Redirect: it must not climb.
func safe(path []byte) bool {
	return len(path) > 0 && bytes.IndexByte(path, 0) < 0 && !bytes.HasPrefix(path, []byte("../")) && !bytes.Contains(path, []byte("/../")) && !bytes.HasSuffix(path, []byte("/.."))
}

var methodGet = []byte("GET")

// copyHead fills r.Out from the backend's head. What describes the connection to the backend stays here.
func (x *Exchange) copyHead() {
	r, h, set := x.R, x.Head, x.Set
	out := &r.Out
	out.Status, out.Reason = h.Status, h.Reason
	out.ContentLength = h.ContentLength
	out.Tested = true
	switch {
	case h.Status == 204: // RFC 9110, section 8.6
		out.ContentLength = -1
	case h.Framing == http1.NoBody && !r.IsHead() && h.Status != 304:
		out.ContentLength = 0 // proxy_method HEAD: the length is of a body that the client will not get
	}
	for i := range h.Fields {
		f := &h.Fields[i]
		switch f.ID {
		case http1.Connection, http1.KeepAlive, http1.TransferEncoding, http1.ContentLength, http1.ProxyConnection:
			continue
		}
		if set.Hidden.Has(f) {
			continue
		}
		x.copyField(f)
	}
	// A field that is the backend's to say is left out if it says nothing, as in nginx.
	if out.Server == nil && !set.Hidden.known[http1.Server] {
		out.Server = []byte{}
	}
	if out.Date == nil && !set.Hidden.known[http1.Date] {
		out.Date = []byte{}
	}
	if set.ForceRanges {
		out.AcceptRanges, out.SingleRange = true, true
	}
}

// copyField passes one field on, to the place in r.Out where filters look for it.
func (x *Exchange) copyField(f *http1.Field) {
	out := &x.R.Out
	switch f.ID {
	case http1.ContentType:
		if len(f.Value) > 0 {
			out.ContentType = f.Value
		}
		return
	case http1.Server:
		out.Server = f.Value
		return
	case http1.Date:
		out.Date = f.Value
		return
	case http1.ETag:
		out.ETag = f.Value
		return
	case http1.LastModified:
		// Written anew from its time, so only the format that it would be written in.
		if t, ok := text.ParseHTTPDate(f.Value); ok && len(f.Value) == len(time.RFC1123) {
			out.LastModified = t.Unix()
			return
		}
	case http1.AcceptRanges:
		if x.Set.ForceRanges {
			return
		}
	}
	value := f.Value
	if x.Set.Rewrite != nil {
		switch f.ID {
		case http1.Location, http1.Refresh, http1.SetCookie:
			to, changed := x.Set.Rewrite(x, f.ID, value)
			if changed && f.ID == http1.Location { // made absolute as ours are
				out.Location = to
				return
			}
			if changed {
				value = to
			}
		}
	}
	out.Fields = append(out.Fields, http1.Field{Name: f.Name, Value: value, ID: f.ID})
}

// trailers says whether fields may follow the body that are to be passed on (proxy_pass_trailers).
func (x *Exchange) trailers() bool {
	return x.Set.PassTrailers && (x.Head.Framing == http1.ByChunks || x.Set.Streams != nil)
}

// passTrailers appends the backend's trailers.
func (x *Exchange) passTrailers(dst []http1.Field) []http1.Field {
	if !x.trailers() {
		return dst
	}
	if x.Set.Streams != nil {
		return append(dst, x.Trailers...)
	}
	return append(dst, x.Chunks.Trailers()...)
}

// setRate evaluates proxy_limit_rate.
func (x *Exchange) setRate() {
	if x.Set.LimitRate == nil {
		return
	}
	if n, ok := text.ParseSize(text.String(x.Set.LimitRate.Eval(x.R))); ok && n > 0 {
		x.rate, x.resume = n, x.R.Loop.Now()
	}
}

// maxInterim bounds the 1xx answers before a final one.
const maxInterim = 100

// Interim is told of a 1xx answer that a protocol has read. 103 goes on to the client where early_hints says so; the
// others meant the connection between the backend and us (RFC 9110, section 15.2).
func (x *Exchange) Interim(status int, fields []http1.Field) error {
	if x.interims++; x.interims > maxInterim {
		return &InvalidResponse{"upstream sent too many 1xx responses"}
	}
	if status != 103 || !x.R.PassEarlyHints() {
		return nil
	}
	kept := x.R.Out.Trailers[:0] // borrowed: no trailers exist yet
	for i := range fields {
		if f := &fields[i]; !x.Set.Hidden.Has(f) && !hopByHop(f.ID) {
			kept = append(kept, *f)
		}
	}
	err := x.R.Down.SendInterim(status, kept)
	x.R.Out.Trailers = kept[:0]
	if err != nil {
		return &clientError{err}
	}
	return nil
}

func hopByHop(id http1.ID) bool {
	switch id {
	case http1.Connection, http1.KeepAlive, http1.TransferEncoding, http1.ContentLength, http1.ProxyConnection, http1.Upgrade, http1.TE, http1.Trailer:
		return true
	}
	return false
}

// appendUpstream is what an error line says of the backend.
func appendUpstream(r *core.Request, dst []byte) []byte {
	x := Of(r)
	if x == nil || len(x.attempts) == 0 {
		return dst
	}
	dst = append(append(dst, `, upstream: "`...), x.Set.Scheme...)
	if x.secured {
		dst = append(dst, 's')
	}
	dst = append(append(dst, "://"...), x.attempt().Peer...)
	dst = append(dst, x.Target...)
	return append(dst, '"')
}
