// Package coretest runs requests through core and modules without sockets: a configuration, modules and a raw request
// go in; status, header, body and error log lines come out. Time is that of a loop.Sim, so the test moves it.
//
//	res := coretest.Run(t, modules, `location / { return 204; }`, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
//	if res.Status != 204 { ... }
//
// A Server serves several requests, over several configurations (Reload), and lets a test hold a request half-way
// (Start, Call.Gone, Call.Block). It is a stand-in for package frontend and does not frame bytes.
package coretest
