// Package secure is what both sides of TLS need: certificates and keys from files, OpenSSL's language of ciphers, the sets of
// protocols and groups, authorities, revocation lists and the verdict on a chain in OpenSSL's words, and private-key
// operations off the loop. Its errors are nginx's messages, with the place of the directive that named the file.
//
// It makes no connection and knows nothing of servers or backends: modules/ssl is the side towards clients,
// upstream/peertls the one towards backends.
package secure
