package session

import (
	"context"
	"net"
	"net/url"
	"slices"
	"time"

	"aibench/harness/record"
	"aibench/harness/stage"
	"aibench/harness/verdict"
)

// stateWait is how long a lost connection waits for word of the server's process: it
// is reaped by our parent, which needs a moment to say how it ended.
const stateWait = time.Second

// dialLimit is how long a server may take to accept a connection before it counts as
// gone. Accepting is the kernel's work: a busy server does it too.
const dialLimit = 2 * time.Second

// serverAfter says what is known of the server's process after these requests. It
// asks only when one of them lost its connection.
func (s *Session) serverAfter(ctx context.Context, rs []record.Request) verdict.Server {
	if !slices.ContainsFunc(rs, lostConnection) {
		return verdict.Server{}
	}
	return s.serverProcess(ctx)
}

// serverProcess is the watched process, if it has ended within the time that its
// parent may need to say so.
func (s *Session) serverProcess(ctx context.Context) verdict.Server {
	if s.cfg.ServerState == "" {
		return verdict.Server{}
	}
	ctx, cancel := context.WithTimeout(ctx, stateWait)
	defer cancel()
	st, err := stage.AwaitExit(ctx, s.cfg.ServerState)
	if err != nil || st.Running || st.Exit == nil {
		return verdict.Server{}
	}
	return verdict.Server{Dead: true, Code: st.Exit.Code, Signal: st.Exit.Signal,
		OOMKill: st.Exit.OOMKill, Tail: st.Exit.Tail}
}

// lostConnection tells whether the connection ended before the stream did.
func lostConnection(r record.Request) bool {
	if r.Failure == nil {
		return r.FinishReason == "" && !r.Terminated
	}
	return r.Failure.Kind == record.FailDial || r.Failure.Kind == record.FailReset
}

// checkServer notices a dead server right after the trial that saw it die, so that
// no further trial runs against a dead port.
func (s *Session) checkServer(ctx context.Context, b batch) {
	switch {
	case s.dead != "":
	case b.server.Dead:
		s.dead = b.server.Describe()
	case slices.ContainsFunc(b.requests, lostConnection):
		s.dead = s.unreachable(ctx)
	}
}

// findServer notices a dead server where no request tells of it.
func (s *Session) findServer(ctx context.Context) {
	if s.dead = s.unreachable(ctx); s.dead == "" {
		return
	}
	if server := s.serverProcess(ctx); server.Dead {
		s.dead = server.Describe()
	}
}

// unreachable says why no connection can be made to the server; "" when one can.
func (s *Session) unreachable(ctx context.Context) string {
	dial := s.cfg.Client.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return unreachable(ctx, s.cfg.Client.Endpoint, dial)
}

// Unreachable says why no connection can be made to an endpoint; "" when one can, and
// when ctx has ended, for then nothing is known.
func Unreachable(ctx context.Context, endpoint string) string {
	return unreachable(ctx, endpoint, new(net.Dialer).DialContext)
}

func unreachable(ctx context.Context, endpoint string, dial func(context.Context, string, string) (net.Conn, error)) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return err.Error()
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
		if port == "" {
			port = "80"
		}
	}
	limited, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	c, err := dial(limited, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err == nil {
		c.Close()
		return ""
	}
	if ctx.Err() != nil {
		return ""
	}
	return err.Error()
}
