// Package pool keeps connections to upstream servers between requests and lends them out.
//
// It knows connections, not HTTP: whoever holds a lease says how the exchange on it ended, and the
// pool keeps the connection or closes it with one reason of a closed list. It does not choose peers
// and does not dial for a request; it says that the caller must, and why.
//
// # Data structures
//
// A [Group] is the pool of one upstream; its user keeps it across reloads. A group
// has one part for each event loop, and every idle connection (a member) lies in exactly one part:
// the one of the loop that polls it. Inside the part it hangs in two lists, the stack of its [Key]
// on that loop, from which it is taken last in first out, and the part's own list by time of last
// use, from which it is evicted and timed out. A key is an interned [Identity], so that the hot path
// indexes and never hashes. Keys of one address share a peer, which counts connections for
// max_conns, learns the backend's timeout and holds the figures.
//
// # Who may touch what
//
// A part's lock guards its lists and the list fields of the members in it. The loop that owns the
// part takes it all the time and practically never waits; other loops take it to steal or to evict.
// It is never held while anything waits, nor together with another part's. The socket itself is
// touched by its owning loop only; a thief becomes the owner by [conn.Conn.Move] before anything
// else. A group's own lock guards its maps, off the hot path, and is never taken with a part's held.
package pool
