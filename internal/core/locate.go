package core

import (
	"slices"
	"sort"
	"strings"

	"hearth/internal/text"
)

// locationIndex finds the location of a path among those of one block.
//
// Prefix and exact names are in one sorted array. The longest prefix of a path sorts at or before the path, and every
// entry between them begins with it too; so it is the entry the binary search ends at, or one that entry begins with,
// which outer links lead to.
type locationIndex struct {
	names   []indexEntry
	regexes []*Location          // in the order of the configuration
	slashed map[string]*Location // locations with AutoRedirect, by the name without its final slash
}

// indexEntry is a name and the locations with it: an exact one, a prefix, or both.
type indexEntry struct {
	name          string
	exact, prefix *Location
	outer         int // the entry whose name is the longest proper prefix of this one; -1 = none
}

// build fills the index. The error is the name of a location that is there twice.
func (x *locationIndex) build(locations []*Location) (duplicate string, ok bool) {
	*x = locationIndex{}
	for _, l := range locations {
		switch l.Kind {
		case RegexLocation:
			x.regexes = append(x.regexes, l)
		case NamedLocation, PseudoLocation:
		default:
			if !x.add(l) {
				return l.Name, false
			}
		}
	}
	x.link()
	return "", true
}

func (x *locationIndex) add(l *Location) bool {
	i := slices.IndexFunc(x.names, func(e indexEntry) bool { return e.name == l.Name })
	if i < 0 {
		i = len(x.names)
		x.names = append(x.names, indexEntry{name: l.Name})
	}
	at := &x.names[i].prefix
	if l.Kind == ExactLocation {
		at = &x.names[i].exact
	}
	if *at != nil {
		return false
	}
	*at = l
	if n := len(l.Name); l.AutoRedirect && n > 0 && l.Name[n-1] == '/' {
		if x.slashed == nil {
			x.slashed = map[string]*Location{}
		}
		if l.Kind == ExactLocation || x.slashed[l.Name[:n-1]] == nil {
			x.slashed[l.Name[:n-1]] = l
		}
	}
	return true
}

// link sorts the entries and finds each one's outer entry, which has a prefix location.
func (x *locationIndex) link() {
	sort.Slice(x.names, func(i, j int) bool { return x.names[i].name < x.names[j].name })
	for i := range x.names {
		x.names[i].outer = -1
		for j := i - 1; j >= 0; j-- {
			if strings.HasPrefix(x.names[i].name, x.names[j].name) {
				x.names[i].outer = j
				break
			}
		}
	}
}

// match returns the location for a path: an exact one (final: nothing else is looked at), one with AutoRedirect
// that the path lacks the slash of (redirect), the longest prefix, or nil.
func (x *locationIndex) match(path []byte) (l *Location, final, redirect bool) {
	if len(x.names) == 0 {
		return nil, false, false
	}
	p := text.String(path)
	i := x.last(p)
	if i >= 0 && x.names[i].name == p {
		if e := &x.names[i]; e.exact != nil {
			return e.exact, true, false
		}
		return x.names[i].prefix, false, false
	}
	if l := x.slashed[p]; l != nil {
		return l, true, true
	}
	for ; i >= 0; i = x.names[i].outer {
		if e := &x.names[i]; e.prefix != nil && strings.HasPrefix(p, e.name) {
			return e.prefix, false, false
		}
	}
	return nil, false, false
}

// last is the index of the last entry that does not sort after p, or -1.
func (x *locationIndex) last(p string) int {
	low, high := 0, len(x.names)
	for low < high {
		mid := int(uint(low+high) / 2)
		if x.names[mid].name <= p {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// findLocation selects the location of r.URI, from the one in force (the server's own) inwards: nginx's algorithm
// (documentation of the location directive). redirect = the URI lacks the final slash of the location's name.
func (r *Request) findLocation() (redirect bool) {
	_, redirect = r.searchInside()
	return redirect
}

// searchInside looks among the locations inside the one in force. final = regular expressions further out are not tried.
func (r *Request) searchInside() (final, redirect bool) {
	index := &r.Location.index
	l, final, redirect := index.match(r.URI)
	if l != nil {
		r.Location = l
		if final {
			return true, redirect
		}
		if final, redirect = r.searchInside(); final {
			return true, redirect
		}
		if l.Kind == NoRegexLocation {
			return false, false
		}
	}
	for _, x := range index.regexes {
		if x.regex.Match(r, r.URI) {
			r.Location = x
			r.searchInside()
			return true, false
		}
	}
	return false, false
}
