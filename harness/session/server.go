package session

import (
	"context"
	"net"
	"net/url"
	"time"

	"aibench/harness/record"
	"aibench/harness/stage"
	"aibench/harness/verdict"
)

// stateWait is how long a lost connection waits for word of the server's process: it
// is reaped by our parent, which needs a moment to say how it ended.
const stateWait = time.Second

// serverAfter says what is known of the server's process after these requests. It
// asks only when one of them lost its connection.
func (s *Session) serverAfter(ctx context.Context, rs []record.Request) verdict.Server {
	lost := false
	for i := range rs {
		lost = lost || lostConnection(&rs[i])
	}
	if !lost || s.cfg.ServerState == "" {
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

func lostConnection(r *record.Request) bool {
	if r.Failure == nil {
		return r.FinishReason == "" // the stream was cut
	}
	return r.Failure.Kind == record.FailDial || r.Failure.Kind == record.FailReset
}

// checkServer notices a dead server right after the trial that saw it die, so that
// no further trial runs against a dead port.
func (s *Session) checkServer(ctx context.Context, rs []record.Request) {
	if s.dead != "" {
		return
	}
	if server := s.serverAfter(ctx, rs); server.Dead {
		s.dead = server.Describe()
		return
	}
	for i := range rs {
		if lostConnection(&rs[i]) {
			s.dead = unreachable(ctx, s.cfg.Client.Endpoint)
			return
		}
	}
}

// unreachable says why no connection can be made to the endpoint; "" when one can.
func unreachable(ctx context.Context, endpoint string) string {
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
	d := net.Dialer{Timeout: 2 * time.Second}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		if ctx.Err() != nil {
			return ""
		}
		return err.Error()
	}
	c.Close()
	return ""
}
