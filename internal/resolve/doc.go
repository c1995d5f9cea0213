// Package resolve looks names up at the name servers of a `resolver` directive: A, AAAA and SRV records, with a cache
// that honours their time to live.
//
// It is a stub resolver: it asks recursive servers and believes them. It does not read /etc/resolv.conf or /etc/hosts,
// and it is not what finds the addresses of names while a configuration is read; that is the system's resolver.
//
// # Data structures
//
// A [Resolver] is shared by all loops. Its cache maps a question to an [Answer], which never changes once it is there,
// or to the look-up in progress, which everybody who asks the same waits for. One lock guards the map; it is held for
// a map access, never while anything waits. Looking something up blocks, so a fiber does it within loop.Await; what
// is in the cache it gets at once by [Resolver.Cached].
package resolve
