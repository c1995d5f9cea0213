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
}
