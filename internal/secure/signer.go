package secure

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"io"

	"hearth/internal/loop"
)

// awaitSigner does a handshake's private-key operation off the loop, whose other connections go on meanwhile.
type awaitSigner struct {
	crypto.Signer
	loop *loop.Loop
}

// Sign implements crypto.Signer, in the fiber of a handshake.
func (s awaitSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	s.loop.Await(func() { sig, err = s.Signer.Sign(rand, digest, opts) })
	return sig, err
}

// awaitDecrypter is the same for key exchange by RSA.
type awaitDecrypter struct {
	awaitSigner
	key crypto.Decrypter
}

// Decrypt implements crypto.Decrypter.
func (d awaitDecrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) (plain []byte, err error) {
	d.loop.Await(func() { plain, err = d.key.Decrypt(rand, msg, opts) })
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
