package secure

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// slowKey counts how many operations run at once, and holds each until it is let go.
type slowKey struct {
	crypto.Signer
	running, most *atomic.Int32
	begun         chan<- struct{}
	release       <-chan struct{}
}

func (k slowKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	n := k.running.Add(1)
	if n > k.most.Load() {
		k.most.Store(n)
	}
	k.begun <- struct{}{}
	<-k.release
	k.running.Add(-1)
	return []byte("signed"), nil
}

// withLoop runs fn in a fiber of a real loop, to its end.
func withLoop(t *testing.T, fn func(l *loop.Loop)) {
	t.Helper()
	old := runtime.GOMAXPROCS(0)
	l, err := loop.New(loop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() { l.Run(); close(ended) }()
	l.Post(func() { l.Go(func() { defer close(done); fn(l) }) })
	<-done
	l.Stop()
	<-ended
	runtime.GOMAXPROCS(old)
}

// keyFunc is a key that signs by calling it.
type keyFunc func() []byte

func (k keyFunc) Public() crypto.PublicKey { return nil }

func (k keyFunc) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return k(), nil }

func TestSignersGiveWayToLoops(t *testing.T) {
	niceness := func() int {
		n, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()) // the system call's 20 - nice
		if err != nil {
			t.Error(err)
		}
		return 20 - n
	}
	withLoop(t, func(l *loop.Loop) {
		own, signers := niceness(), 0
		awaitSigner{keyFunc(func() []byte { signers = niceness(); return nil }), l}.Sign(nil, nil, nil)
		if signers != signerNice || own >= signers {
			t.Errorf("the signer's niceness is %d, want %d, more than the loop's, %d", signers, signerNice, own)
		}
	})
}

func TestASignatureThatPanicsFailsItsHandshakeAlone(t *testing.T) {
	withLoop(t, func(l *loop.Loop) {
		for range runtime.NumCPU() + 1 { // no signer is lost by it
			func() {
				defer func() {
					if v := recover(); !strings.Contains(fmt.Sprint(v), "no such key") {
						t.Errorf("the handshake's fiber saw %v", v)
					}
				}()
				awaitSigner{keyFunc(func() []byte { panic("no such key") }), l}.Sign(nil, nil, nil)
			}()
		}
		sig, err := awaitSigner{keyFunc(func() []byte { return []byte("signed") }), l}.Sign(nil, nil, nil)
		if string(sig) != "signed" || err != nil {
			t.Errorf("%q, %v", sig, err)
		}
	})
}

func TestAStormOfSignaturesTakesHalfOfTheProcessorsAndNoLoop(t *testing.T) {
	old := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
	l, err := loop.New(loop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	defer func() { l.Stop(); <-ended }()

	const storm = 20
	var running, most atomic.Int32
	begun, release, done := make(chan struct{}, storm), make(chan struct{}), make(chan error, storm)
	key := slowKey{running: &running, most: &most, begun: begun, release: release}
	l.Post(func() {
		for range storm {
			l.Go(func() {
				sig, err := awaitSigner{key, l}.Sign(nil, nil, nil)
				if string(sig) != "signed" {
					t.Errorf("signature %q", sig)
				}
				done <- err
			})
		}
	})
	slots := max(1, runtime.NumCPU()/2)
	for range slots {
		<-begun
	}
	turned := make(chan struct{})
	l.Post(func() { close(turned) })
	<-turned // the loop goes on while they are held
	for range storm {
		release <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := int(most.Load()); n != slots {
		t.Errorf("%d signatures at once, want %d", n, slots)
	}
}

func TestOnlyKeysThatTakeLongLeaveTheLoop(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	for _, tt := range []struct {
		name   string
		key    crypto.PrivateKey
		leaves bool
	}{{"RSA", small, true}, {"P-256", p256, false}, {"P-384", p384, true}, {"Ed25519", ed, false}} {
		_, signs := OnLoop(nil, tt.key).(awaitSigner)
		_, decrypts := OnLoop(nil, tt.key).(awaitDecrypter)
		if leaves := signs || decrypts; leaves != tt.leaves {
			t.Errorf("%s: leaves the loop: %v, want %v", tt.name, leaves, tt.leaves)
		}
	}
}
