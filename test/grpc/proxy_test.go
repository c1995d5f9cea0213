package grpc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// start runs the proxy between a port, whose address it returns, and an interop server of its own.
func start(t *testing.T, secureFront, secureBehind bool) string {
	pass, certificate := "grpc://", (*tls.Certificate)(nil)
	if secureBehind {
		pass, certificate = "grpcs://", &identity().pair
	}
	return launch(t, secureFront, func(dir, listen string) string {
		return fmt.Sprintf(`
	upstream interop { server %s; }
	server {
		%s
		ssl_certificate %[3]s/cert.pem; ssl_certificate_key %[3]s/key.pem;
		location / {
			grpc_pass %[4]sinterop; grpc_ssl_verify on; grpc_ssl_name localhost; grpc_ssl_trusted_certificate %[3]s/cert.pem;
			client_max_body_size 0; grpc_buffer_size 16k;
		}
	}`, serve(t, certificate), listen, dir, pass)
	})
}

// launch runs the proxy that HEARTH_BINARY names; site makes the configuration's servers, of the directory where cert.pem and
// key.pem are, and of directives to listen. With nginx's own program the tests test themselves.
func launch(t *testing.T, secure bool, site func(dir, listen string) string) string {
	binary := os.Getenv("HEARTH_BINARY")
	if binary == "" {
		t.Skip("HEARTH_BINARY names no program: the tests of package test run these")
	}
	dir := t.TempDir()
	id := identity()
	for name, content := range map[string][]byte{"cert.pem": id.cert, "key.pem": id.key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	addr := freeAddress(t)
	listen, two := "listen "+addr, "; http2 on;"
	if secure {
		listen += " ssl"
	}
	if filepath.Base(binary) == "nginx" { // Debian's does not know the directive
		two = " http2;"
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`daemon off; master_process off; user %s; worker_processes 2; pid pid; error_log %s/error.log info;
events { }
http {
	access_log off; client_body_temp_path body;
	%s
}
`, me.Username, dir, site(dir, listen+two))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, binary, dir, file, addr)
	return addr
}

// run starts the program, waits until it listens, and ends it with the test.
func run(t *testing.T, binary, dir, file, addr string) {
	cmd := exec.Command(binary, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s ended with code %d: %s", binary, code, said.String())
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("its error log:\n%s", log[max(0, len(log)-8000):])
		}
	})
	for end := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s did not start: %s", binary, said.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", binary, err)
		}
	}
}

// freeAddress is one that nobody listened at just now.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// id is a certificate that is its own authority, for the name localhost.
type id struct {
	cert, key []byte // PEM
	pair      tls.Certificate
	pool      *x509.CertPool
}

var identity = sync.OnceValue(func() *id {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	made := &id{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pool: x509.NewCertPool(),
	}
	made.pair, err = tls.X509KeyPair(made.cert, made.key)
	must(err)
	made.pool.AppendCertsFromPEM(made.cert)
	return made
})

func must(err error) {
	if err != nil {
		panic(err)
	}
}
