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

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// signing is the private-key operations that wait for one of the signers.
//
// The signers are half as many as the processors: a storm of handshakes waits in line, and established connections keep the
// other half. Each has a processor of Go's for itself beside those of the loops. For a goroutine that computes for a
// millisecond gives its own to nobody meanwhile, and a loop whose processor it took would find out about its connections only
// after all of those that wait in line.
//
// And each has a thread for itself, at signerNice: a loop that wakes on a machine whose processors are all busy takes the
// processor from a signer at once, where it would wait for the end of the signer's slice, some milliseconds, if they were equal.
// Measured with 500 RSA handshakes a second on two processors, client and backend on them too: the 99th percentile of
// established connections is 1.2 ms, without this 1.5 to 2.5 ms; at 3 it is hardly better than at 0, at 19 no better
// than at 10. The price is that signatures get about a tenth of what they would where all processors are always busy.
var signing = struct {
	once sync.Once
	jobs chan *signature
}{jobs: make(chan *signature)}

const signerNice = 10

// signature is one private-key operation. It is its signer's until done is closed.
type signature struct {
	operate func()
	done    chan struct{}
	failure any // what it panicked with
}

func (s *signature) run() {
	defer close(s.done)
	defer func() { s.failure = recover() }()
	s.operate()
}

// startSigners starts them, when the first private-key operation has to be done off its loop.
func startSigners() {
	n := max(1, runtime.NumCPU()/2)
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
	for range n {
		go signer()
	}
}

// signer does one operation after the other for as long as the process lives.
func signer() {
	runtime.LockOSThread()
	unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), signerNice) // refused at worst, which costs latency alone
	for s := range signing.jobs {
		s.run()
	}
}

// offLoop runs an operation of a handshake off its loop, whose other connections go on meanwhile.
func offLoop(l *loop.Loop, operate func()) {
	l.Await(func() {
		signing.once.Do(startSigners)
		s := &signature{operate: operate, done: make(chan struct{})}
		signing.jobs <- s
		<-s.done
		if s.failure != nil {
			panic(s.failure) // Await's to bring home
		}
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
