package core

import (
	"hearth/internal/http1"
	"hearth/internal/text"
)

// Reset empties the head, keeping its memory.
func (o *ResponseHead) Reset() {
	fields, trailers := o.Fields[:0], o.Trailers[:0]
	*o = ResponseHead{}
	o.ContentLength, o.LastModified, o.Fields, o.Trailers = -1, -1, fields, trailers
}

// Get returns the first field with this name, in any case. Only those of Fields are looked at.
func (o *ResponseHead) Get(name string) ([]byte, bool) {
	for i := range o.Fields {
		if text.EqualFold(o.Fields[i].Name, name) {
			return o.Fields[i].Value, true
		}
	}
	return nil, false
}

// AddHeader appends a field. The bytes must live as long as the request.
func (o *ResponseHead) AddHeader(name string, value []byte) {
	o.AddField(bytesOf(name), value)
}

// AddField is AddHeader for a name in bytes.
func (o *ResponseHead) AddField(name, value []byte) {
	o.Fields = append(o.Fields, http1.Field{Name: name, Value: value, ID: http1.Lookup(name)})
}

// SetHeader replaces the first field with this name and drops the others; there is one afterwards.
func (o *ResponseHead) SetHeader(name string, value []byte) {
	for i := range o.Fields {
		if text.EqualFold(o.Fields[i].Name, name) {
			o.Fields[i].Value = value
			o.drop(name, i+1)
			return
		}
	}
	o.AddHeader(name, value)
}

// DelHeader drops every field with this name.
func (o *ResponseHead) DelHeader(name string) { o.drop(name, 0) }

func (o *ResponseHead) drop(name string, from int) {
	kept := o.Fields[:from]
	for _, f := range o.Fields[from:] {
		if !text.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	o.Fields = kept
}

// AddTrailer appends a field that is sent after a chunked body.
func (o *ResponseHead) AddTrailer(name, value []byte) {
	o.Trailers = append(o.Trailers, http1.Field{Name: name, Value: value, ID: http1.Lookup(name)})
}

// ClearEntity takes back what describes a body that will be changed or replaced: its length, ranges, date and tag.
func (o *ResponseHead) ClearEntity() {
	o.ContentLength, o.LastModified, o.ETag, o.AcceptRanges = -1, -1, nil, false
	o.DelHeader("Accept-Ranges")
}
