// Command aibench runs the benchmark suite against a server, in two stages, and
// compares them.
//
//	aibench run        measure baseline and aidaptiv, compare, draw
//	aibench quick      three requests: does the server answer, and how fast
//	aibench calibrate  how wrong this client's stopwatch is on this machine
//	aibench capacity   the most users that meet objectives
//	aibench compare    print the comparison of a run again
//	aibench explain    the figures of a run by the definitions of other tools
//	aibench report     rebuild every derived file of a run from its journal
//	aibench mock       serve the mock engine
//
// Each command explains its flags with -help. Exit status: 0 done, 1 failed, 2 wrong
// usage or configuration, 130 interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"aibench/harness/config"
	"aibench/harness/session"
	"aibench/harness/version"
	"aibench/mockserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// terminal is where a command talks to people.
type terminal struct {
	in       *os.File
	out, err io.Writer
}

type command struct {
	name, what string
	run        func(context.Context, []string, terminal) error
}

var commands = []command{
	{"run", "measure baseline and aidaptiv, compare, draw", runCommand},
	{"quick", "three requests: does the server answer, and how fast", quickCommand},
	{"calibrate", "how wrong this client's stopwatch is on this machine", calibrateCommand},
	{"capacity", "the most users that meet objectives", capacityCommand},
	{"compare", "print the comparison of a run again", compareCommand},
	{"report", "rebuild every derived file of a run from its journal", reportCommand},
	{"explain", "the figures of a run by the definitions of other tools", explainCommand},
}

func run(ctx context.Context, args []string, in *os.File, out, errOut io.Writer) int {
	t := terminal{in, out, errOut}
	if len(args) == 0 {
		usage(errOut)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(out)
		return 0
	case "version", "-version", "--version":
		fmt.Fprintln(out, "aibench", version.String())
		return 0
	case "mock":
		return mockserver.Main(ctx, args[1:], in, out, errOut)
	}
	for _, c := range commands {
		if c.name == args[0] {
			return exitStatus(c.run(ctx, args[1:], t), errOut)
		}
	}
	fmt.Fprintf(errOut, "aibench: unknown command %q\n", args[0])
	usage(errOut)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: aibench COMMAND [flags]")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-9s  %s\n", c.name, c.what)
	}
	fmt.Fprintln(w, "  mock       serve the mock engine")
	fmt.Fprintln(w, "  version    say which aibench this is")
	fmt.Fprintln(w, "\n\"aibench COMMAND -help\" explains the flags of a command.")
}

// usageError is a mistake on the command line that package config can't see.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func exitStatus(err error, errOut io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(errOut, "aibench:", config.Explain(err))
	var wrong usageError
	switch {
	case errors.As(err, &wrong), errors.Is(err, config.ErrUsage):
		return 2
	case errors.Is(err, session.ErrInterrupted), errors.Is(err, context.Canceled):
		return 130
	}
	return 1
}
