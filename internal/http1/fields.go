package http1

// Field is one header field. Name and Value are views into the connection's
// buffer: the name in the case it was sent in, the value without surrounding white space.
type Field struct {
	Name, Value []byte
	ID          ID
}

// fields is the part that request and response heads have in common: the
// fields in the order they came, and where the first of each known ID is.
type fields struct {
	Fields []Field
	first  [numIDs]uint16 // index in Fields plus one; 0 = not there
}

func (f *fields) add(name, value []byte, id ID) {
	f.Fields = append(f.Fields, Field{name, value, id})
	if id != Other && f.first[id] == 0 {
		f.first[id] = uint16(len(f.Fields))
	}
}

// Get returns the value of the first field with this ID.
func (f *fields) Get(id ID) (value []byte, ok bool) {
	if i := f.first[id]; i != 0 {
		return f.Fields[i-1].Value, true
	}
	return nil, false
}

// Has reports whether a field with this ID is there.
func (f *fields) Has(id ID) bool { return f.first[id] != 0 }

// Index returns the place in Fields of the first field with this ID, or -1.
func (f *fields) Index(id ID) int { return int(f.first[id]) - 1 }

// connection reads the options of all Connection fields.
func (f *fields) connection() (o connectionOptions) {
	for i := f.Index(Connection); i >= 0 && i < len(f.Fields); i++ {
		if f.Fields[i].ID == Connection {
			o.read(f.Fields[i].Value)
		}
	}
	return o
}
