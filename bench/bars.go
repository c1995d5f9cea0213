package main

import "hearth/bench/report"

// bars are what hearth has set itself to reach.
var bars = []report.Bar{
	report.AtMostOfReference("CPU per request, small GET, 64 connections, 1v1", small64, report.CPU, 0.90),
	report.NoSlower("throughput there", small64),
	report.NoLater("p99 there", small64),
	report.AtMostOfReference("CPU per request, the same with access log on", logged, report.CPU, 0.90),
	report.AtMostOfReference("1 MB responses, CPU per GB", megabyte, report.CPUPerGB, 0.60),
	report.AtMostOfReference("100 MB responses, CPU per GB", hundred, report.CPUPerGB, 0.60),
	report.AtMost("memory of 10,000 idle client connections", "≤ 0.6 KB each beyond the base", idleClients,
		report.Limit{Figure: report.PerConnection, Max: 0.6}),
	report.WarmPool("backend connections opened, 2 loops, 64 clients, steady load", steady, 99.9),
	report.Elsewhere("allocations per proxied request, steady state", "0", "see the Go benchmark"),
	report.AtMost("10 reloads a second under load", "0 failed requests, 0 pooled connections lost", reloading,
		report.Limit{Figure: report.Errors}, report.Limit{Figure: report.Closed}),
	report.AtMost("backend that closes on every reuse", "0 errors, no peer marked down, no POST delivered twice", closeReuse,
		report.Limit{Figure: report.Errors}, report.Limit{Figure: report.Down}, report.Limit{Figure: report.Twice}),
	report.AtMostOfReference("HTTPS small GET over kept connections, CPU per request", httpsKept, report.CPU, 0.80),
	report.AtMostOfReference("full handshakes, P-256, CPU of each", fullP256, report.CPU, 1.0),
	report.AtMostOfReference("resumed handshakes, P-256, CPU of each", resumed, report.CPU, 1.0),
	report.AtMostOfReference("HTTP/2 small GET over TLS, CPU per request", h2Small, report.CPU, 0.90),
	report.AtMostOfReference("gRPC unary, CPU per call", grpcUnary, report.CPU, 0.70),
	report.AtMostOfReference("gRPC unary, backend connections", grpcUnary, report.BackendConns, 0.10),
	report.AtMostOfReference("HTTPS upstream, CPU per request", httpsBehind, report.CPU, 0.85),
	report.AtMost("500 RSA handshakes a second beside established connections", "move their p99 by less than 2 ms", rsaStorm,
		report.Limit{Figure: report.MovedP99, Max: 2}, report.Limit{Figure: report.Errors}, report.Limit{Figure: report.StormErrors}),
	report.AtMostOfReference("memory of 10,000 idle HTTPS connections", idleSecure, report.PerConnection, 1.0),
}
