package http1

// Method is a request method nginx knows by name; 0 is any other.
type Method uint8

// The methods nginx knows, in limit_except for example.
const (
	MethodOther Method = iota
	MethodGet
	MethodHead
	MethodPost
	MethodPut
	MethodDelete
	MethodMkcol
	MethodCopy
	MethodMove
	MethodOptions
	MethodPropfind
	MethodProppatch
	MethodLock
	MethodUnlock
	MethodPatch
	MethodTrace
	MethodConnect
)

var methodNames = [...]string{
	MethodGet:       "GET",
	MethodHead:      "HEAD",
	MethodPost:      "POST",
	MethodPut:       "PUT",
	MethodDelete:    "DELETE",
	MethodMkcol:     "MKCOL",
	MethodCopy:      "COPY",
	MethodMove:      "MOVE",
	MethodOptions:   "OPTIONS",
	MethodPropfind:  "PROPFIND",
	MethodProppatch: "PROPPATCH",
	MethodLock:      "LOCK",
	MethodUnlock:    "UNLOCK",
	MethodPatch:     "PATCH",
	MethodTrace:     "TRACE",
	MethodConnect:   "CONNECT",
}

// String returns the method's name; "" for MethodOther.
func (m Method) String() string { return methodNames[m] }

// MethodOf returns the method with this name, which is case-sensitive.
func MethodOf(name []byte) Method {
	if string(name) == "GET" {
		return MethodGet
	}
	for m := MethodHead; m <= MethodConnect; m++ {
		if string(name) == methodNames[m] {
			return m
		}
	}
	return MethodOther
}
