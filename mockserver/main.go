package mockserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// command is what the flags say.
type command struct {
	addr, profile, oom, keyEnv string
	list, remote               bool
	options                    Options
}

// Main runs the server as a command: the flags of cmd/mockserver and of
// "aibench mock". It returns the exit code: 0 after a signal, 1 for a failure
// (the modelled out-of-memory exit too), 2 for wrong flags.
func Main(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	c, err := parseCommand(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "mockserver: %v\n", err)
		return 2
	case c.list:
		printList(stdout)
		return 0
	}
	p, err := LoadProfile(c.profile)
	if err != nil {
		fmt.Fprintf(stderr, "mockserver: %v\n", err)
		return 2
	}
	if c.oom != "" {
		p.OOM = c.oom
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return c.serve(ctx, p, stdout, stderr)
}

func parseCommand(args []string, stderr io.Writer) (command, error) {
	var c command
	f := flag.NewFlagSet("mockserver", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&c.addr, "addr", "127.0.0.1:8000", "`address` to listen on; port 0: any free one")
	f.StringVar(&c.profile, "profile", "8b-on-16gb", "embedded `name` or YAML file")
	f.StringVar(&c.options.Stage, "stage", "baseline", "baseline or aidaptiv")
	f.StringVar(&c.options.Faults, "faults", "", "`list` like status=503:5,cut=2:1 (name, argument, percent of requests)")
	f.StringVar(&c.options.Dialect, "dialect", "", "vllm, llamacpp, ollama or rockchip (default: the profile's)")
	f.BoolVar(&c.options.Pressure, "pressure", false, "make modelled RAM and offloaded blocks real")
	f.StringVar(&c.options.OffloadDir, "offload-dir", "", "`directory` for offloaded blocks under -pressure (default: a temporary one)")
	f.BoolVar(&c.options.StampText, "stamp-text", false, "make each token the instant at which it is written")
	f.BoolVar(&c.options.Stamp, "stamp", false, "put the instant of writing into every event")
	f.DurationVar(&c.options.Load, "load", 0, "answer 503 for so `long` at first, as while a model loads")
	f.Uint64Var(&c.options.Seed, "seed", 0, "of noise and faults (default: a random one)")
	f.StringVar(&c.oom, "oom", "", "when memory is exhausted: error, exit or kill (default: the profile's)")
	f.StringVar(&c.keyEnv, "api-key-env", "", "environment `variable` with the key to demand")
	f.BoolVar(&c.remote, "allow-remote", false, "listen on an address that others can reach; needs -api-key-env")
	f.BoolVar(&c.list, "list", false, "list profiles, dialects and faults")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if c.keyEnv != "" {
		if c.options.APIKey = os.Getenv(c.keyEnv); c.options.APIKey == "" {
			return c, fmt.Errorf("-api-key-env: %s is not set", c.keyEnv)
		}
	}
	return c, c.checkAddress()
}

// checkAddress: loopback unless asked for, and then only with a key.
func (c *command) checkAddress() error {
	host, _, err := net.SplitHostPort(c.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	if !c.remote {
		return fmt.Errorf("-addr: %s is not a loopback address (-allow-remote permits it)", c.addr)
	}
	if c.options.APIKey == "" {
		return errors.New("-allow-remote: needs -api-key-env")
	}
	return nil
}

// serve runs until the context ends or the modelled memory kills it.
func (c *command) serve(ctx context.Context, p Profile, stdout, stderr io.Writer) int {
	died := make(chan string, 1)
	c.options.Log = stderr
	c.options.OnOOM = func(message string) {
		fmt.Fprintf(stderr, "mockserver: %s\n", message)
		if p.OOM == "kill" {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
		}
		select {
		case died <- message:
		default: // dying already
		}
	}
	s, err := New(p, c.options)
	if err != nil {
		fmt.Fprintf(stderr, "mockserver: %v\n", err)
		return 2
	}
	defer func() {
		if err := s.Close(); err != nil { // offloaded blocks that could not be written, say
			fmt.Fprintf(stderr, "mockserver: %v\n", err)
		}
	}()
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		fmt.Fprintf(stderr, "mockserver: %v\n", err)
		return 1
	}
	fmt.Fprintf(stdout, "listening on http://%s (%s, profile %s, stage %s)\n", l.Addr(), ServerName, p.Name, s.Stage())
	h := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	select {
	case <-ctx.Done():
		// Streams end with the context; what is left gets a moment.
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if h.Shutdown(shutdown) != nil {
			_ = h.Close()
		}
		return 0
	case <-died:
		_ = h.Close()
		return 1
	case err := <-failed:
		fmt.Fprintf(stderr, "mockserver: %v\n", err)
		return 1
	}
}

func printList(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROFILE\tDIALECT\tDESCRIPTION")
	for _, name := range Profiles() {
		p, err := LoadProfile(name)
		if err != nil {
			fmt.Fprintf(t, "%s\t\tbroken: %v\n", name, err)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", name, p.Dialect, p.Description)
	}
	fmt.Fprintf(t, "\nDIALECT\n%s\n\nFAULT\tDEFAULT\tEFFECT\n", strings.Join(dialects, "\n"))
	for _, f := range Faults() {
		name := f.Name
		if f.Arg != "" {
			name += "=" + strings.ToUpper(f.Arg)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", name, f.Default, f.Effect)
	}
	_ = t.Flush()
}
