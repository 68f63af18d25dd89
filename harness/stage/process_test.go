//go:build unix

package stage

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test binary plays the server, its children and a whole aibench as well: the
// variable says which part.
const roleVar = "AIBENCH_STAGE_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

// play is a fake server. It calls the test over TCP as soon as it runs; the
// connection ends when the process does, so that the test needs no clock to see
// it.
func play(role string) int {
	if role == "stubborn" || role == "grandchild" {
		signal.Ignore(syscall.SIGTERM)
	}
	if home := os.Getenv("CALL"); home != "" && role != "launcher" {
		conn, err := net.Dial("tcp", home)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Fprintf(conn, "%s %d\n", role, os.Getpid())
	}
	switch role {
	case "serve", "stubborn":
		time.Sleep(50 * time.Millisecond)
		return serve(http.StatusOK)
	case "loading":
		fmt.Println("loading weights")
		return serve(http.StatusServiceUnavailable)
	case "die":
		fmt.Fprintln(os.Stderr, "cudaMalloc failed: out of memory")
		return 3
	case "parent":
		spawn("grandchild")
		return serve(http.StatusOK)
	case "deserter": // dies, and leaves a child behind
		spawn("grandchild")
		bufio.NewReader(os.Stdin).ReadString('\n') // stdin is empty
		time.Sleep(100 * time.Millisecond)
		return 5
	case "launcher":
		return launch()
	case "eater":
		return eat()
	}
	select {} // grandchild
}

func serve(status int) int {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	fmt.Println("listening")
	fmt.Println(http.ListenAndServe(os.Args[1], mux))
	return 1
}

// eat moves itself into the group that the test made, as systemd-run would, serves
// until it is asked for /eat, and then takes memory until it is killed.
func eat() int {
	if err := os.WriteFile(os.Getenv("GROUP"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		fmt.Println(err)
		return 1
	}
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/eat", func(http.ResponseWriter, *http.Request) {
		var eaten [][]byte
		for range 1024 { // 1 GiB: far above the limit, and harmless without one
			block := make([]byte, 1<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			eaten = append(eaten, block)
		}
		fmt.Println("not killed after", len(eaten), "MiB")
	})
	fmt.Println(http.ListenAndServe(os.Args[1], nil))
	return 1
}

func spawn(role string) {
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
}

// launch is an aibench that starts a server and is then killed.
func launch() int {
	p, err := Start(context.Background(), Config{
		Command: []string{os.Args[0], os.Args[1]}, Health: "http://" + os.Args[1] + "/health",
		Env: map[string]string{roleVar: "serve"},
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-p.Done()
	return 0
}

// switchboard takes the calls of the processes of one test.
type switchboard struct {
	t *testing.T
	l net.Listener
}

func newSwitchboard(t *testing.T) *switchboard {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return &switchboard{t, l}
}

type call struct {
	t    *testing.T
	role string
	pid  int
	line *bufio.Reader
}

func (s *switchboard) next() call {
	conn, err := s.l.Accept()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	c := call{t: s.t, line: bufio.NewReader(conn)}
	text, err := c.line.ReadString('\n')
	require.NoError(s.t, err)
	role, pid, _ := strings.Cut(strings.TrimSpace(text), " ")
	c.role = role
	c.pid, err = strconv.Atoi(pid)
	require.NoError(s.t, err)
	return c
}

// awaitDeath returns when the process has ended.
func (c call) awaitDeath() {
	_, err := c.line.ReadByte()
	require.Error(c.t, err)
}

func testConfig(t *testing.T, role string, s *switchboard) Config {
	t.Helper()
	port, err := FreePort()
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	cfg := DefaultConfig()
	cfg.Name, cfg.Toggle = Aidaptiv, Managed
	cfg.Command = []string{exe, "127.0.0.1:{port}"}
	cfg.Health = "http://127.0.0.1:{port}/health"
	cfg.Env = map[string]string{roleVar: role}
	if s != nil {
		cfg.Env["CALL"] = s.l.Addr().String()
	}
	cfg.LogPath, cfg.StatePath = filepath.Join(dir, "server.log"), filepath.Join(dir, "server.json")
	cfg, err = cfg.Expand(map[string]string{"port": strconv.Itoa(port)})
	require.NoError(t, err)
	require.NoError(t, cfg.Validate())
	return cfg
}

func start(t *testing.T, cfg Config) *Process {
	t.Helper()
	p, err := Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop() })
	return p
}

func TestServerIsReadyAndStops(t *testing.T) {
	cfg := testConfig(t, "serve", nil)
	require.NoError(t, os.WriteFile(cfg.LogPath, []byte("of the last server\n"), 0o644))
	p := start(t, cfg)
	require.NoError(t, p.WaitReady(t.Context()))

	_, ended := p.Exited()
	assert.False(t, ended)
	s, err := ReadState(cfg.StatePath)
	require.NoError(t, err)
	assert.Equal(t, p.PID(), s.PID)
	assert.True(t, s.Running)
	assert.Nil(t, s.Exit)

	exit := p.Stop()
	assert.Equal(t, "SIGTERM", exit.Signal)
	assert.True(t, exit.Stopped)
	assert.Equal(t, "listening\n", exit.Tail, "not what the server before wrote")
	again, ended := p.Exited()
	assert.True(t, ended)
	assert.Equal(t, exit, again)
	assert.Equal(t, exit, p.Stop(), "stop again")
	s, err = ReadState(cfg.StatePath)
	require.NoError(t, err)
	assert.False(t, s.Running)
	assert.True(t, s.Exit.Stopped)
	assert.NoError(t, p.StateErr())
	log, err := os.ReadFile(cfg.LogPath)
	require.NoError(t, err)
	assert.Equal(t, "of the last server\nlistening\n", string(log))
}

func TestServerDiesAtStart(t *testing.T) {
	cfg := testConfig(t, "die", nil)
	cfg.LogPath = "" // the last words are kept also without a log file
	p := start(t, cfg)
	err := p.WaitReady(t.Context())
	assert.EqualError(t, err, "server ended before it was ready: exit status 3; its last output:\ncudaMalloc failed: out of memory\n")
	exit, ended := p.Exited()
	assert.True(t, ended)
	assert.Equal(t, 3, exit.Code)
	assert.False(t, exit.Stopped)
	assert.NoFileExists(t, p.log.file.Name())
}

func TestServerNeverReady(t *testing.T) {
	s := newSwitchboard(t)
	cfg := testConfig(t, "loading", s)
	cfg.ReadyTimeout = 300 * time.Millisecond
	p := start(t, cfg)
	s.next()
	err := p.WaitReady(t.Context())
	assert.ErrorContains(t, err, "server: not ready within 300ms: last answer: ")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, p.WaitReady(ctx), context.Canceled)
}

// The measuring process, another than the one that started the server, learns
// from the state file that it was killed.
func TestServerKilledFromOutside(t *testing.T) {
	cfg := testConfig(t, "serve", nil)
	p := start(t, cfg)
	require.NoError(t, p.WaitReady(t.Context()))
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	s, err := AwaitExit(t.Context(), cfg.StatePath)
	require.NoError(t, err)
	require.NotNil(t, s.Exit)
	assert.False(t, s.Running)
	assert.Equal(t, "SIGKILL", s.Exit.Signal)
	assert.Equal(t, -1, s.Exit.Code)
	assert.False(t, s.Exit.Stopped)
	assert.Equal(t, "listening\n", s.Exit.Tail)
	if oom, known := s.Exit.OOMKill.Get(); known {
		assert.False(t, oom, "it was us: %s", s.Exit.OOMEvidence)
	}
	<-p.Done()
	exit := p.Stop() // of one that is dead
	assert.False(t, exit.Stopped)
}

func TestAwaitExitEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, writeState(path, State{PID: 1, Running: true}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := AwaitExit(ctx, path)
	assert.NoError(t, err)
	assert.True(t, s.Running)
	_, err = AwaitExit(t.Context(), path+"x")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestServerThatIgnoresSIGTERM(t *testing.T) {
	for _, patience := range []time.Duration{0, 50 * time.Millisecond} {
		cfg := testConfig(t, "stubborn", nil)
		cfg.StopTimeout = patience
		p := start(t, cfg)
		require.NoError(t, p.WaitReady(t.Context()))
		exit := p.Stop()
		assert.Equal(t, "SIGKILL", exit.Signal)
		assert.True(t, exit.Stopped)
	}
}

func TestGrandchildrenEndWithTheGroup(t *testing.T) {
	s := newSwitchboard(t)
	cfg := testConfig(t, "parent", s)
	cfg.StopTimeout = 50 * time.Millisecond
	p := start(t, cfg)
	calls := []call{s.next(), s.next()}
	require.NoError(t, p.WaitReady(t.Context()))
	exit := p.Stop()
	assert.Equal(t, "SIGTERM", exit.Signal, "the server went in peace, its child had to be killed")
	for _, c := range calls {
		c.awaitDeath()
	}
}

func TestGrandchildrenOfADeadServerEnd(t *testing.T) {
	s := newSwitchboard(t)
	p := start(t, testConfig(t, "deserter", s))
	calls := []call{s.next(), s.next()}
	<-p.Done()
	exit, _ := p.Exited()
	assert.Equal(t, 5, exit.Code)
	for _, c := range calls {
		c.awaitDeath()
	}
}

func TestEndOfContextStopsTheServer(t *testing.T) {
	s := newSwitchboard(t)
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Start(ctx, testConfig(t, "serve", s))
	require.NoError(t, err)
	c := s.next()
	cancel()
	c.awaitDeath()
	<-p.Done()
	exit, _ := p.Exited()
	assert.True(t, exit.Stopped)
	_, err = Start(ctx, testConfig(t, "serve", s))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cfg := testConfig(t, "serve", nil)
	cfg.Health = "http://" + l.Addr().String() + "/health"
	_, err = Start(t.Context(), cfg)
	assert.EqualError(t, err, "start server: "+l.Addr().String()+" is already in use by another server: stop it, or give {port}")
	assert.NoFileExists(t, cfg.StatePath)
}

func TestStartFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no such program": {func(c *Config) { c.Command[0] = "/no/such/server" }, "/no/such/server: no such file"},
		"log":             {func(c *Config) { c.LogPath = "/no/such/dir/log" }, "server log: open /no/such/dir/log"},
		"no command":      {func(c *Config) { c.Command = nil }, "no command"},
		"health":          {func(c *Config) { c.Health = "localhost:80" }, "health url"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "serve", nil)
			c.change(&cfg)
			_, err := Start(t.Context(), cfg)
			assert.ErrorContains(t, err, c.want)
		})
	}
	t.Run("state file", func(t *testing.T) { // nobody could learn of a death: no server either
		s := newSwitchboard(t)
		cfg := testConfig(t, "serve", s)
		cfg.StatePath = "/no/such/dir/state"
		_, err := Start(t.Context(), cfg)
		assert.ErrorContains(t, err, "server state: ")
	})
}

// kill -9 of aibench leaves no server behind.
func TestServerDiesWithAibench(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a parent-death signal")
	}
	s := newSwitchboard(t)
	cfg := testConfig(t, "launcher", s)
	cmd := exec.Command(cfg.Command[0], cfg.Command[1])
	cmd.Env = append(os.Environ(), roleVar+"=launcher", "CALL="+cfg.Env["CALL"])
	require.NoError(t, cmd.Start())
	server := s.next()
	assert.Equal(t, "serve", server.role)
	require.NoError(t, cmd.Process.Kill())
	assert.Error(t, cmd.Wait())
	server.awaitDeath()
}

func TestTailIsBounded(t *testing.T) {
	l, err := openLog(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer l.close()
	assert.Equal(t, "", l.tail())
	for i := range 2000 {
		fmt.Fprintf(l.file, "line %d\n", i)
	}
	tail := l.tail()
	assert.LessOrEqual(t, len(tail), tailSize)
	assert.Greater(t, len(tail), tailSize-20)
	assert.True(t, strings.HasPrefix(tail, "line ") && strings.HasSuffix(tail, "line 1999\n"), tail[:20])
	fmt.Fprint(l.file, strings.Repeat("x", 2*tailSize)+"\xff")
	assert.Equal(t, strings.Repeat("x", tailSize-1)+"\uFFFD", l.tail(), "one long line, cut; not UTF-8")
}
