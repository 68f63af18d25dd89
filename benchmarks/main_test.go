package benchmarks

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"aibench/harness/capacity"
	"aibench/harness/config"
)

// bench is the open suite; TestMain sets it before any benchmark runs.
var bench *suite

// options are the suite's own flags, beside those of the configuration. aibench run
// sets them; a person has no need to.
type options struct {
	runDir      string // run directory to write into; "": nothing is kept
	stage       string // baseline or aidaptiv
	target      string // base URL where {port} and the stage have been filled in; "": as configured
	clock       string // base URL of the stamping server to calibrate against; "": not calibrated
	serverState string // state file of the watched server
	parent      bool   // stdin is a pipe from the parent: its end means stop
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var o options
	flag.StringVar(&o.runDir, "run-dir", "", "run `directory` that the records go into (set by aibench run)")
	flag.StringVar(&o.stage, "stage", "baseline", "`name` of the stage: baseline or aidaptiv")
	flag.StringVar(&o.target, "target", "", "base `URL` that overrides the configured endpoint (set by aibench run)")
	flag.StringVar(&o.clock, "clock", "", "base `URL` of a stamping server to calibrate against (set by aibench run)")
	flag.StringVar(&o.serverState, "server-state", "", "state `file` of the server's process (set by aibench run)")
	flag.BoolVar(&o.parent, "stop-on-eof", false, "stop when standard input ends (set by aibench run)")
	cfg, err := config.FromArgs(flag.CommandLine, os.Args[1:], os.LookupEnv)
	if err != nil {
		fmt.Fprintln(os.Stderr, config.Explain(err))
		return 2
	}
	slo, err := capacity.ParseOptional(cfg.SLO)
	if err != nil {
		fmt.Fprintln(os.Stderr, "slo:", err)
		return 2
	}
	if !benchmarking() {
		return m.Run()
	}
	// Without -run, go test would run our unit tests first, beside an open session.
	if f := flag.Lookup("test.run"); f.Value.String() == "" {
		flag.Set(f.Name, "^$")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.parent {
		ctx = untilEOF(ctx, os.Stdin)
	}
	if bench, err = openSuite(ctx, cfg, slo, o, trialsPlanned()); err != nil {
		return o.fail(err)
	}
	if err := bench.printHead(os.Stdout); err != nil {
		return o.fail(err)
	}
	code := m.Run()
	if err := bench.close(); err != nil {
		return max(code, o.fail(err))
	}
	return code
}

// fail tells of an error, on standard output as well where that is a log of our
// parent's.
func (o options) fail(err error) int {
	text := "aibench suite: " + strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintln(os.Stderr, text)
	if o.parent {
		fmt.Println(text)
	}
	return 1
}

// benchmarking tells whether this process is to measure; plain tests need no server.
func benchmarking() bool {
	return flag.Lookup("test.bench").Value.String() != "" && flag.Lookup("test.list").Value.String() == ""
}

// trialsPlanned is -count.
func trialsPlanned() int {
	n, _ := flag.Lookup("test.count").Value.(flag.Getter).Get().(uint)
	return int(n)
}

// untilEOF ends the context when r ends: a pipe from the parent process ends when the
// parent closes it or dies, in whatever way.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, err := io.Copy(io.Discard, r)
		cancel(errors.Join(errors.New("standard input ended"), err))
	}()
	return ctx
}
