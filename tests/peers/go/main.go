// A client or a server of Go's crypto/tls for one connection, or for several that
// resume one another, to be tried against this crate. It prints what was negotiated, and ends with status 1 and
// a line that begins with ERROR where anything fails.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

var (
	role    = flag.String("role", "", "client or server")
	port    = flag.Int("port", 0, "the port that a client connects to")
	name    = flag.String("name", "", "the name that a client asks for")
	cert    = flag.String("cert", "", "a certificate chain")
	key     = flag.String("key", "", "its private key")
	roots   = flag.String("roots", "", "whom to trust; a server requires a certificate then")
	groups  = flag.String("groups", "", "key exchange groups")
	suites  = flag.String("suites", "", "cipher suites of TLS 1.2")
	version = flag.String("version", "1.3", "1.2 or 1.3")
	alpn    = flag.String("alpn", "", "application protocols")
	bulk    = flag.Int("bulk", 0, "bytes that a client sends and gets back")
	times   = flag.Int("times", 1, "connections, one after another, which share sessions")
)

func main() {
	flag.Parse()
	run := client
	if *role == "server" {
		run = server
	}
	if err := run(); err != nil {
		fmt.Println("ERROR", err)
		os.Exit(1)
	}
	fmt.Println("OK")
}

func config() (*tls.Config, error) {
	c := &tls.Config{ServerName: *name, MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13}
	if *version == "1.2" {
		c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if *roots != "" {
		pem, err := os.ReadFile(*roots)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		c.RootCAs, c.ClientCAs, c.ClientAuth = pool, pool, tls.RequireAndVerifyClientCert
	}
	if *times > 1 {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if *alpn != "" {
		c.NextProtos = strings.Split(*alpn, ",")
	}
	if *suites != "" {
		for _, suite := range tls.CipherSuites() {
			if strings.Contains(","+*suites+",", ","+suite.Name+",") {
				c.CipherSuites = append(c.CipherSuites, suite.ID)
			}
		}
	}
	if *groups != "" {
		for _, group := range strings.Split(*groups, ",") {
			id, known := map[string]tls.CurveID{
				"X25519MLKEM768": tls.X25519MLKEM768,
				"X25519":         tls.X25519,
				"P-256":          tls.CurveP256,
				"P-384":          tls.CurveP384,
			}[group]
			if !known {
				return nil, fmt.Errorf("unknown group %s", group)
			}
			c.CurvePreferences = append(c.CurvePreferences, id)
		}
	}
	return c, nil
}

func shake(raw net.Conn, conn *tls.Conn) error {
	raw.SetDeadline(time.Now().Add(30 * time.Second))
	if err := conn.Handshake(); err != nil {
		return err
	}
	s := conn.ConnectionState()
	fmt.Printf("STATE suite=%s group=%s retried=%t alpn=%q name=%q peers=%d resumed=%t\n",
		tls.CipherSuiteName(s.CipherSuite), s.CurveID, s.HelloRetryRequest,
		s.NegotiatedProtocol, s.ServerName, len(s.PeerCertificates), s.DidResume)
	return nil
}

func server() error {
	c, err := config()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("PORT", listener.Addr().(*net.TCPAddr).Port)
	for range *times {
		raw, err := listener.Accept()
		if err != nil {
			return err
		}
		if err := echo(raw, tls.Server(raw, c)); err != nil {
			return err
		}
	}
	return nil
}

// Gives back what comes, up to close_notify.
func echo(raw net.Conn, conn *tls.Conn) error {
	if err := shake(raw, conn); err != nil {
		return err
	}
	if _, err := io.Copy(conn, conn); err != nil {
		return err
	}
	return conn.Close()
}

func client() error {
	c, err := config()
	if err != nil {
		return err
	}
	for range *times {
		raw, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
		if err != nil {
			return err
		}
		if err := converse(raw, tls.Client(raw, c)); err != nil {
			return err
		}
	}
	return nil
}

// Sends bytes, and gets them back.
func converse(raw net.Conn, conn *tls.Conn) error {
	if err := shake(raw, conn); err != nil {
		return err
	}
	sent := make([]byte, *bulk+6)
	for i := range sent {
		sent[i] = byte(i * i >> 7)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		if err == nil {
			err = conn.CloseWrite()
		}
		failed <- err
	}()
	got, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if err := <-failed; err != nil {
		return err
	}
	if !bytes.Equal(got, sent) {
		return fmt.Errorf("%d bytes came back, which are not the %d that were sent", len(got), len(sent))
	}
	return conn.Close()
}
