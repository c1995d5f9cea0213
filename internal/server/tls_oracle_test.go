package server

import (
	"bytes"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hearth/internal/core/coretest"
)

// theirs starts nginx, the oracle, with a configuration of the world and returns its address.
func (w *tlsWorld) theirs(config string) (listen string) {
	w.t.Helper()
	listen = coretest.FreeAddress(w.t)
	w.writeTheirs(config, listen)
	cmd := w.nginx()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", listen); err == nil {
			c.Close()
			return listen
		} else if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(w.dir, "theirs.log"))
			w.t.Fatalf("nginx does not listen: %v\n%s", err, log)
		}
	}
}

func (w *tlsWorld) writeTheirs(config, listen string) {
	config = strings.NewReplacer("LISTEN", listen, "BACKEND", w.back.address).Replace(config)
	var temp strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp.WriteString(name + "_temp_path theirs_" + name + "; ")
	}
	config = strings.Replace(config, "http {", "http { "+temp.String(), 1)
	w.file("theirs.conf", "daemon off; master_process off; pid theirs.pid; error_log theirs.log info;\n"+config)
}

func (w *tlsWorld) nginx(args ...string) *exec.Cmd {
	return exec.Command("nginx", append(args, "-e", filepath.Join(w.dir, "theirs.log"), "-p", w.dir, "-c", filepath.Join(w.dir, "theirs.conf"))...)
}

func needNginx(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx, the oracle, is not installed")
	}
}

func TestStatusesAndVariablesOfTLSAreNginxs(t *testing.T) {
	needNginx(t)
	const config = `events {} http { access_log off; server_tokens off;
		ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:1m; ssl_client_certificate ca.pem;
		server { listen LISTEN ssl; server_name one.test; ssl_certificate one.pem; ssl_certificate_key one.key; ssl_verify_client MODE;
			location /v { return 200 "$ssl_protocol $ssl_cipher $ssl_curve $ssl_server_name $ssl_alpn_protocol $ssl_session_reused [$ssl_early_data] $scheme $https"; }
			location /c { return 200 "$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_s_dn_legacy|$ssl_client_i_dn_legacy|$ssl_client_serial|$ssl_client_fingerprint|$ssl_client_v_start|$ssl_client_v_end|$ssl_client_v_remain|$ssl_client_raw_cert|$ssl_client_cert|$ssl_client_escaped_cert"; }
			location /old { return 200 "$ssl_ciphers $ssl_curves"; } }
		server { listen LISTEN ssl; server_name two.test; ssl_certificate two.pem; ssl_certificate_key two.key; ssl_verify_client off;
			error_page 421 =200 /misdirected; return 200 "two $ssl_client_s_dn"; }
		server { listen LISTEN ssl; server_name no.test; ssl_reject_handshake on; } }`
	for _, mode := range []string{"off", "on", "optional", "optional_no_ca"} {
		t.Run(mode, func(t *testing.T) {
			w := prepareTLS(t)
			text := strings.Replace(config, "MODE", mode, 1)
			addresses := []string{w.theirs(text), w.listen}
			w.start(text)
			stranger := newAuthority(t)
			cert, key := stranger.issueP256("stranger")
			unknown, _ := tls.X509KeyPair([]byte(cert), []byte(key))
			clients := map[string][]tls.Certificate{"none": nil, "known": {w.certificate("client")}, "unknown": {unknown}}
			for client, certs := range clients {
				for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
					for _, ask := range []struct{ name, host, path string }{
						{"one.test", "one.test", "/v"}, {"one.test", "one.test", "/c"}, {"one.test", "one.test", "/old"}, {"two.test", "two.test", "/"},
						{"one.test", "two.test", "/"}, {"two.test", "one.test", "/v"}, {"", "one.test", "/c"}, {"other.test", "one.test", "/v"},
						{"no.test", "one.test", "/v"}, {"one.test", "no.test", "/v"},
					} {
						var answers []string
						for _, address := range addresses {
							config := &tls.Config{ServerName: ask.name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}, MaxVersion: version,
								CurvePreferences: []tls.CurveID{tls.CurveP256}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}
							config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
								if certs == nil {
									return new(tls.Certificate), nil
								}
								return &certs[0], nil
							}
							answers = append(answers, tidy(askAt(address, config, ask.host, ask.path)))
						}
						if answers[0] != answers[1] {
							t.Errorf("client %s, %s, %+v:\nnginx  %.300q\nhearth %.300q", client, tls.VersionName(version), ask, answers[0], answers[1])
						}
					}
				}
			}
		})
	}
}

// tidy leaves out what Go and OpenSSL are free to do otherwise, the suite of TLS 1.3, and the name of the server.
func tidy(answer string) string {
	answer = strings.ReplaceAll(answer, "<center>nginx<", "<center>hearth<")
	return regexp.MustCompile(`TLS_(AES|CHACHA)\w+`).ReplaceAllString(answer, "TLS_SUITE")
}

func askAt(address string, config *tls.Config, host, path string) string {
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		return "ERROR " + strings.TrimPrefix(err.Error(), "remote error: ")
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return askOn(c, host, path)
}

// What is wrong with certificates and other files is said in nginx's words. Where OpenSSL's own reasons follow, Go has others.
func TestBadFilesAreNamedAsNginxDoes(t *testing.T) {
	needNginx(t)
	const base = `events {} http { server { listen LISTEN ssl; SETTINGS } }`
	const pair = "ssl_certificate one.pem; ssl_certificate_key one.key; "
	for _, settings := range []string{
		"ssl_certificate none; ssl_certificate_key none;", "ssl_certificate one.pem; ssl_certificate_key none;",
		"ssl_certificate one.pem; ssl_certificate_key two.key;", "ssl_certificate text; ssl_certificate_key one.key;",
		"ssl_certificate one.pem; ssl_certificate_key text;", "ssl_certificate one.pem;", "ssl_certificate_key one.key;",
		"ssl_certificate $ssl_server_name;", "ssl_certificate $nothing; ssl_certificate_key one.key;",
		pair + "ssl_crl none;", pair + "ssl_crl text;", pair + "ssl_client_certificate none;", pair + "ssl_client_certificate none; ssl_verify_client on;",
		pair + "ssl_client_certificate text; ssl_verify_client on;", pair + "ssl_trusted_certificate none;", pair + "ssl_trusted_certificate text;",
		pair + "ssl_password_file none;", pair + "ssl_session_ticket_key none;", pair + "ssl_session_ticket_key text;",
		pair + "ssl_ciphers FOO;", pair + "ssl_ecdh_curve foo;", pair + "ssl_dhparam none;", pair + "ssl_dhparam text;",
		pair + "ssl_session_cache shared:x:1;", pair + "ssl_session_cache shared:x;", pair + "ssl_session_cache foo;", pair + "ssl_verify_client maybe;",
		pair + "ssl_conf_command MinProtocol bar;", pair + "ssl_stapling on; ssl_stapling_file none;", pair + "ssl_stapling on; ssl_stapling_file text;",
		pair + "ssl_ocsp on; ssl_verify_client optional_no_ca;", pair + "ssl_ocsp on; ssl_verify_client on; ssl_client_certificate ca.pem; ssl_ocsp_responder https://foo/;",
		pair + "ssl_ocsp_cache shared:x:1;", pair + "ssl_ocsp_cache foo;", pair + "ssl_ocsp_cache shared:x;",
		pair + "ssl_stapling on;", pair + "ssl_stapling on; ssl_trusted_certificate ca.pem;",
		pair + "ssl_stapling on; ssl_trusted_certificate ca.pem; ssl_stapling_responder https://x/;",
		pair + "ssl_crl \"\"; ssl_stapling_file \"\";",
		"ssl_reject_handshake on; ssl_certificate one.pem;", "ssl_reject_handshake on; ssl_certificate none; ssl_certificate_key one.key;",
		pair + "ssl_reject_handshake on;", pair + "ssl_session_cache none; ssl_session_cache shared:x:1m;",
		pair + "location / { proxy_ssl_password_file none; }",
	} {
		t.Run(settings, func(t *testing.T) {
			w := prepareTLS(t)
			w.file("text", "root:x:0:0\n")
			text := strings.Replace(base, "SETTINGS", settings, 1)
			w.writeTheirs(text, w.listen)
			out, _ := w.nginx("-t").CombinedOutput()
			w.configure(text)
			var said bytes.Buffer
			if s, err := Start(w.options(), NewMessages(&said)); err == nil {
				s.Stop()
			}
			if want, got := complaint(w, string(out)), complaint(w, said.String()); got != want {
				t.Errorf("nginx  %q\nhearth %q", want, got)
			}
		})
	}
}

// complaint is the warning or error in what a server says, without the place (which nginx does not always know) and without
// OpenSSL's reasons.
func complaint(w *tlsWorld, said string) string {
	m := regexp.MustCompile(`(?m)\[(?:emerg|warn)\] (?:\d+#\d+: )?(.*)$`).FindStringSubmatch(said)
	if m == nil {
		return ""
	}
	text := regexp.MustCompile(` in \S+\.conf:\d+$`).ReplaceAllString(m[1], "")
	text = regexp.MustCompile(`\(SSL: .*`).ReplaceAllString(text, "(SSL")
	return strings.ReplaceAll(text, w.dir+"/", "")
}
