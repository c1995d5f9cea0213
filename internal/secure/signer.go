package secure

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"io"
	"runtime"
	"sync"

	"hearth/internal/loop"
)

// signing bounds the private-key operations that run at once off the loops, to half of the processors: a storm of handshakes
// waits in line, and established connections keep the other half. Each has a processor of Go's for itself beside those of the
// loops. For a goroutine that computes for a millisecond gives its own to nobody meanwhile, and a loop whose processor it
// took would find out about its connections only after all of those that wait in line.
var signing = struct {
	once  sync.Once
	slots chan struct{}
}{slots: make(chan struct{}, max(1, runtime.NumCPU()/2))}

// offLoop runs an operation of a handshake off its loop, whose other connections go on meanwhile.
func offLoop(l *loop.Loop, operate func()) {
	signing.once.Do(func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + cap(signing.slots)) })
	l.Await(func() {
		signing.slots <- struct{}{}
		defer func() { <-signing.slots }()
		operate()
	})
}

// awaitSigner does a handshake's signature off the loop.
type awaitSigner struct {
	crypto.Signer
	loop *loop.Loop
}

// Sign implements crypto.Signer, in the fiber of a handshake.
func (s awaitSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	offLoop(s.loop, func() { sig, err = s.Signer.Sign(rand, digest, opts) })
	return sig, err
}

// awaitDecrypter is the same for key exchange by RSA.
type awaitDecrypter struct {
	awaitSigner
	key crypto.Decrypter
}

// Decrypt implements crypto.Decrypter.
func (d awaitDecrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) (plain []byte, err error) {
	offLoop(d.loop, func() { plain, err = d.key.Decrypt(rand, msg, opts) })
	return plain, err
}

// OnLoop is the key as a handshake on l uses it. An operation with a P-256 or Ed25519 key takes some 20 µs, little more than
// waking a goroutine and the loop again costs, so those stay; one with RSA takes a millisecond.
func OnLoop(l *loop.Loop, key crypto.PrivateKey) crypto.PrivateKey {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return key
		}
		return awaitSigner{key, l}
	case *rsa.PrivateKey:
		return awaitDecrypter{awaitSigner{key, l}, key}
	}
	return key
}
