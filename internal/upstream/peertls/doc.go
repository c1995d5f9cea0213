// Package peertls is TLS towards backends, for everything that passes requests on: the rows of proxy_ssl_*, grpc_ssl_* and
// whatever else has them, what they come to for a location, and the handshake.
//
// Settings are what the directives of a block say. Rules are what that comes to, with the files read. A Target is to
// whom, and as whom, the connections of a request are made, by these rules; its Digest is the TLS part of the pool's identity. The
// package opens no connection and keeps none: that is package upstream's and the pool's.
package peertls
