package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Client is a raw HTTP/1 client: it sends bytes and reads answers by their framing.
type Client struct {
	net.Conn
	in *bufio.Reader
}

func (l *Lab) Dial(addr string) *Client {
	l.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &Client{Conn: c, in: bufio.NewReader(c)}
}

// Answer is a response as it came.
type Answer struct {
	Status int
	Head   string // with the empty line
	Body   string // without its framing
	Cut    bool   // the connection ended before the message
}

func (a Answer) Field(name string) string { return fieldOf(a.Head, name) }

// Receive reads one answer to a request of this method; an error means that nothing came.
func (c *Client) Receive(method string) (Answer, error) {
	var a Answer
	for {
		line, err := c.in.ReadString('\n')
		a.Head += line
		if err != nil {
			if a.Head == "" {
				return a, err
			}
			if !strings.HasPrefix(a.Head, "HTTP/1") { // HTTP/0.9
				a.Body, a.Head = a.Head, ""
				return a, nil
			}
			a.Cut = true
			return a, nil
		}
		if !strings.HasPrefix(a.Head, "HTTP/1") {
			rest, _ := io.ReadAll(c.in)
			a.Body, a.Head = a.Head+string(rest), ""
			return a, nil
		}
		if line == "\r\n" {
			break
		}
	}
	if len(a.Head) > 12 {
		a.Status, _ = strconv.Atoi(a.Head[9:12])
	}
	if method == "HEAD" || a.Status == 304 || a.Status == 204 || a.Status < 200 {
		return a, nil
	}
	var body []byte
	var err error
	switch {
	case a.Field("Transfer-Encoding") != "":
		body, err = readChunked(c.in)
	case a.Field("Content-Length") != "":
		n, _ := strconv.Atoi(a.Field("Content-Length"))
		body = make([]byte, n)
		n, err = io.ReadFull(c.in, body)
		body = body[:n]
	default:
		body, err = io.ReadAll(c.in)
	}
	a.Body, a.Cut = string(body), err != nil
	return a, nil
}

// Closes tells whether the connection ends within d without a further byte.
func (c *Client) Closes(d time.Duration) bool {
	c.SetReadDeadline(time.Now().Add(d))
	defer c.SetDeadline(time.Now().Add(patience))
	_, err := c.in.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// Get asks for a path at an address, on a connection of its own.
func (l *Lab) Get(addr, path string, fields ...string) Answer {
	l.Helper()
	return l.Ask(addr, request("GET", path, append(fields, "Connection: close")...))
}

// Ask sends one request and returns its answer.
func (l *Lab) Ask(addr, raw string) Answer {
	l.Helper()
	c := l.Dial(addr)
	defer c.Close()
	io.WriteString(c, raw)
	method, _, _ := strings.Cut(raw, " ")
	a, err := c.Receive(method)
	if err != nil {
		l.Errorf("%.200q: no answer: %v", raw, err)
	}
	return a
}

// request makes a request of HTTP/1.1; the host is "a" unless a field says otherwise.
func request(method, path string, fields ...string) string {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\n", method, path)
	if !strings.HasPrefix(strings.ToLower(strings.Join(fields, "\r\n")), "host:") {
		head += "Host: a\r\n"
	}
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + "\r\n"
}

// post makes a POST with a body of known length.
func post(path, body string, fields ...string) string {
	return request("POST", path, append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}
