// Package grpc runs calls through hearth, with grpc-go on both sides: its interoperability tests and a few more. It is a module of
// its own, so that grpc-go is nothing that hearth depends on; the tests of package test run it.
package grpc

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

type (
	channel = *grpc.ClientConn
	service = testpb.TestServiceClient
)

// cases are those of grpc-go's interop client, by their names there, but those that need credentials from elsewhere
// (compute_engine_creds, service_account_creds, jwt_token_creds, per_rpc_creds, oauth2_auth_token,
// google_default_credentials, compute_engine_channel_credentials).
var cases = []struct {
	name   string
	policy string // load balancing policy of the client
	run    func(context.Context, *dialer, channel, service)
}{
	{"empty_unary", "", simple(interop.DoEmptyUnaryCall)},
	{"large_unary", "", simple(interop.DoLargeUnaryCall)},
	{"client_streaming", "", simple(interop.DoClientStreaming)},
	{"server_streaming", "", simple(interop.DoServerStreaming)},
	{"ping_pong", "", simple(interop.DoPingPong)},
	{"empty_stream", "", simple(interop.DoEmptyStream)},
	{"timeout_on_sleeping_server", "", ahead(simple(interop.DoTimeoutOnSleepingServer))},
	{"cancel_after_begin", "", simple(interop.DoCancelAfterBegin)},
	{"cancel_after_first_response", "", simple(interop.DoCancelAfterFirstResponse)},
	{"status_code_and_message", "", simple(interop.DoStatusCodeAndMessage)},
	{"special_status_message", "", simple(interop.DoSpecialStatusMessage)},
	{"custom_metadata", "", simple(interop.DoCustomMetadata)},
	{"unimplemented_method", "", func(ctx context.Context, _ *dialer, c channel, _ service) { interop.DoUnimplementedMethod(ctx, c) }},
	{"unimplemented_service", "", func(ctx context.Context, _ *dialer, c channel, _ service) {
		interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(c))
	}},
	{"pick_first_unary", "pick_first", func(ctx context.Context, _ *dialer, _ channel, s service) { interop.DoPickFirstUnary(ctx, s) }},
	{"rpc_soak", "", func(ctx context.Context, d *dialer, c channel, _ service) {
		interop.DoSoakTest(ctx, d.soak(func() (*grpc.ClientConn, func()) { return c, func() {} }))
	}},
	{"channel_soak", "", func(ctx context.Context, d *dialer, _ channel, _ service) {
		interop.DoSoakTest(ctx, d.soak(func() (*grpc.ClientConn, func()) {
			c := d.dial("")
			return c, func() { c.Close() }
		}))
	}},
	{"orca_per_rpc", "test_backend_metrics_load_balancer", func(ctx context.Context, _ *dialer, _ channel, s service) { interop.DoORCAPerRPCTest(ctx, s) }},
	{"orca_oob", "test_backend_metrics_load_balancer", func(ctx context.Context, _ *dialer, _ channel, s service) { interop.DoORCAOOBTest(ctx, s) }},
}

func simple(do func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)) func(context.Context, *dialer, channel, service) {
	return func(ctx context.Context, _ *dialer, _ channel, s service) { do(ctx, s) }
}

// patience bounds one case, on a machine that may be busy.
const patience = 30 * time.Second

func TestInterop(t *testing.T) {
	for _, front := range []string{"h2c", "TLS"} {
		for _, behind := range []string{"grpc", "grpcs"} {
			t.Run(front+" to "+behind, func(t *testing.T) {
				t.Parallel()
				d := &dialer{t: t, addr: start(t, front == "TLS", behind == "grpcs"), secure: front == "TLS"}
				t.Run("cases", func(t *testing.T) { // the proxy ends after them all
					for _, test := range cases {
						t.Run(test.name, func(t *testing.T) {
							t.Parallel()
							defer failed(t)
							ctx, cancel := context.WithTimeout(t.Context(), patience)
							defer cancel()
							c := d.dial(test.policy)
							defer c.Close()
							test.run(ctx, d, c, testpb.NewTestServiceClient(c))
						})
					}
				})
			})
		}
	}
}

// dialer makes the client's channels to the proxy.
type dialer struct {
	t      *testing.T
	addr   string
	secure bool
}

func (d *dialer) dial(policy string) *grpc.ClientConn {
	with := insecure.NewCredentials()
	if d.secure {
		with = credentials.NewClientTLSFromCert(identity().pool, "localhost")
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(with)}
	if policy != "" {
		options = append(options, grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingConfig":[{"%s":{}}]}`, policy)))
	}
	c, err := grpc.NewClient(d.addr, options...)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// soak is the interop client's default soak test.
func (d *dialer) soak(channel func() (*grpc.ClientConn, func())) interop.SoakTestConfig {
	return interop.SoakTestConfig{
		RequestSize: 271828, ResponseSize: 314159, NumWorkers: 1, Iterations: 10,
		PerIterationMaxAcceptableLatency: patience, OverallTimeout: patience, ServerAddr: d.addr, ChannelForTest: channel,
	}
}

// The cases end their program by logging a fatal error. Here that ends the case: it is a panic, which failed takes for
// a failure.
func init() { grpclog.SetLoggerV2(logger{grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)}) }

type logger struct{ grpclog.LoggerV2 }

type fatal string

func (logger) Fatal(args ...any)                 { panic(fatal(fmt.Sprint(args...))) }
func (logger) Fatalln(args ...any)               { panic(fatal(fmt.Sprintln(args...))) }
func (logger) Fatalf(format string, args ...any) { panic(fatal(fmt.Sprintf(format, args...))) }

// ahead repeats a case in which the client's deadline and the server's pass at one moment. Where the server's reset arrives
// first there is an answer still, which is 502 as in nginx, and the client takes that for the outcome.
func ahead(run func(context.Context, *dialer, channel, service)) func(context.Context, *dialer, channel, service) {
	once := func(ctx context.Context, d *dialer, c channel, s service) (late fatal) {
		defer func() {
			p := recover()
			f, ours := p.(fatal)
			if p != nil && (!ours || !strings.Contains(string(f), "502 (Bad Gateway)")) {
				panic(p)
			}
			late = f
		}()
		run(ctx, d, c, s)
		return ""
	}
	return func(ctx context.Context, d *dialer, c channel, s service) {
		var late fatal
		for range 10 {
			if late = once(ctx, d, c, s); late == "" {
				return
			}
		}
		panic(late)
	}
}

func failed(t *testing.T) {
	switch p := recover().(type) {
	case nil:
	case fatal:
		t.Fatal(strings.TrimSpace(string(p)))
	default:
		panic(p)
	}
}
