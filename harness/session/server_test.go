package session

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"aibench/harness/client"
	"aibench/harness/engine"
	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/mockserver"
)

// generation is a request for text that the server under test has received.
type generation struct {
	n      int    // from 1, since the server was armed
	remote string // the connection it came on
}

// server is the mock engine behind a handler that counts, and that damages only what
// is sent after arm: discovery and calibration are not what these tests are about.
type server struct {
	*httptest.Server
	inFlight, most atomic.Int64 // requests for text under way now, and at most

	mu      sync.Mutex
	armed   bool
	fault   func(generation) string // the mock's fault for it; "": none
	arrived []generation
}

// serve starts a mock engine. Changes to its profile are for limits that no fault
// plays.
func serve(t *testing.T, profile string, o mockserver.Options, changes ...func(*mockserver.Profile)) *server {
	t.Helper()
	p, err := mockserver.LoadProfile(profile)
	require.NoError(t, err)
	for _, change := range changes {
		change(&p)
	}
	m, err := mockserver.New(p, o)
	require.NoError(t, err)
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if generates(r) {
			defer s.enter(r)()
		}
		m.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // aborted handlers are what is wanted
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections() // hanging requests end with theirs
		s.Close()
		require.NoError(t, m.Close())
	})
	return s
}

func generates(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/completions") || r.URL.Path == "/api/generate"
}

func (s *server) enter(r *http.Request) (leave func()) {
	s.mu.Lock()
	g := generation{remote: r.RemoteAddr}
	if s.armed {
		g.n = len(s.arrived) + 1
		s.arrived = append(s.arrived, g)
	}
	armed, fault := s.armed, s.fault
	s.mu.Unlock()
	if !armed {
		return func() {}
	}
	now := s.inFlight.Add(1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	if fault != nil {
		r.Header.Set(mockserver.HeaderFault, fault(g))
	}
	return func() { s.inFlight.Add(-1) }
}

// arm counts from here on, and asks fault (nil: never one) about each request.
func (s *server) arm(fault func(generation) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.fault, s.arrived = true, fault, nil
}

func (s *server) disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
}

func (s *server) received() []generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]generation(nil), s.arrived...)
}

// die closes the port and all connections, as a killed process does.
func (s *server) die() {
	s.Listener.Close()
	s.CloseClientConnections()
}

func always(fault string) func(generation) string {
	return func(generation) string { return fault }
}

// listenAgain takes the port of a dead server and counts who still comes.
func listenAgain(t *testing.T, addr string) (connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	connections = new(atomic.Int64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return connections
}

// newRun makes a run directory.
func newRun(t *testing.T) *record.Dir {
	t.Helper()
	dir, err := record.Create(t.TempDir(), "run", record.Run{Stages: []string{"baseline", "aidaptiv"}})
	require.NoError(t, err)
	return dir
}

// configFor is a session against the server, as a stage of a run has it.
func configFor(s *server, dir *record.Dir) Config {
	c := client.DefaultConfig()
	c.Endpoint, c.Timeout, c.StallTimeout = s.URL+"/v1", time.Minute, time.Minute
	return Config{Stage: "baseline", Version: "test", Dir: dir, Seed: 1,
		Engine: engine.Config{Endpoint: c.Endpoint}, Client: c, Progress: io.Discard}
}

// speak sets the dialect of the wire.
func (c *Config) speak(api client.API) { c.Client.API, c.Engine.API = api, api }

// open opens a session that has already learned to count tokens, and arms the server.
func open(t *testing.T, srv *server, cfg Config, fault func(generation) string) *Session {
	t.Helper()
	srv.disarm() // of an earlier session's faults
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { s.release() })
	_, err = s.builder(t.Context())
	require.NoError(t, err)
	srv.arm(fault)
	return s
}

// cell is a point of the context sweep.
func cell(ctx, users, requests int) scenario.Cell {
	return scenario.Cell{Benchmark: "Context", Ctx: ctx, Users: users, Requests: requests}
}

func trial(t *testing.T, s *Session, c scenario.Cell, maxTokens int) Measured {
	t.Helper()
	m, err := s.Trial(t.Context(), ContextWork(c, maxTokens))
	require.NoError(t, err)
	return m
}

// closed ends the session and reads back what it left.
func closed(t *testing.T, s *Session, reason string) *record.Log {
	t.Helper()
	require.NoError(t, s.Close(reason))
	return readLog(t, s.cfg)
}

func readLog(t *testing.T, cfg Config) *record.Log {
	t.Helper()
	log, err := record.ReadLogFile(cfg.Dir.Journal(cfg.Stage))
	require.NoError(t, err)
	return log
}

// sweep asks cells as the suite does: no trial of a cell that has ended.
func sweep(ctx context.Context, s *Session, cells []scenario.Cell, trials int) error {
	for _, c := range cells {
		for range trials {
			if reason, ended := s.Ended(c); ended {
				if err := s.NotRun(c, reason); err != nil {
					return err
				}
				continue
			}
			if _, err := s.Trial(ctx, ContextWork(c, 4)); err != nil {
				return err
			}
		}
	}
	return nil
}
