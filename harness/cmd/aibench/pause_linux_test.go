package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"aibench/harness/record"
)

// person sits at a terminal of its own in front of a command.
type person struct {
	t        *testing.T
	keyboard *os.File
	cmd      *exec.Cmd
	mu       sync.Mutex
	screen   bytes.Buffer
	ended    chan struct{}
}

// sit starts a command on a new pseudo terminal.
func sit(t *testing.T, dir string, args ...string) *person {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo terminal: ", err)
	}
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	p := &person{t: t, keyboard: master, cmd: exec.Command(filepath.Join(bin, "aibench"), args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = dir, slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, p.cmd.Start())
	slave.Close()
	go func() { defer close(p.ended); io.Copy(p, master) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); master.Close() })
	return p
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.Write(b)
}

func (p *person) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

func (p *person) waitFor(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.seen(), text) }, time.Minute, 10*time.Millisecond, "%q does not appear", text)
}

func (p *person) types(keys string) {
	_, err := io.WriteString(p.keyboard, keys)
	require.NoError(p.t, err)
}

// ends waits for the command's end and gives its exit status.
func (p *person) ends() int {
	p.cmd.Wait()
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

const manual = `
contexts: [512, 1024]
trials: 3
max_tokens: 8
calibrate: false
endpoint: %s
stages:
  baseline:
    instructions: Switch it off.
  aidaptiv:
    instructions: Switch it on.
`

// runByHand starts a run with a manual toggle against a mock on the terminal.
func runByHand(t *testing.T) (dir string, p *person) {
	t.Helper()
	dir = t.TempDir()
	url := mockProcess(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.yaml"), fmt.Appendf(nil, manual, url), 0o600))
	p = sit(t, dir, "run", "-config", "m.yaml", "-run-id", "r")
	return dir, p
}

// mockProcess starts `aibench mock` and gives its URL.
func mockProcess(t *testing.T) string {
	t.Helper()
	port, err := freePort()
	require.NoError(t, err)
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(filepath.Join(bin, "aibench"), "mock", "-addr", addr, "-profile", "fast", "-stage", "aidaptiv")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line := make([]byte, 256)
	n, err := out.Read(line) // "listening on ..."
	require.NoError(t, err)
	require.Contains(t, string(line[:n]), addr)
	return "http://" + addr + "/v1"
}

func partial(t *testing.T, dir string) string {
	d, err := record.Open(filepath.Join(dir, "results"), "r")
	require.NoError(t, err)
	return d.Run().Partial
}

func TestPauseEnterGoesOn(t *testing.T) {
	dir, p := runByHand(t)
	p.waitFor("Switch it off.")
	p.types("\n") // typed while the baseline runs: no answer to what has not been asked
	p.waitFor("Switch it on.")
	p.waitFor("Press Enter")
	assert.NotContains(t, p.seen(), "aidaptiv  ctx=512")
	p.types("\n")
	assert.Equal(t, 0, p.ends(), p.seen())
	assert.Contains(t, p.seen(), "aidaptiv  ctx=512")
	assert.Empty(t, partial(t, dir))
}

func TestPauseQKeepsTheBaseline(t *testing.T) {
	dir, p := runByHand(t)
	p.waitFor("Press Enter")
	p.types("q\n")
	assert.Equal(t, 0, p.ends(), p.seen())
	assert.Contains(t, p.seen(), "continue with: aibench run -stage aidaptiv -run-id r")
	assert.Equal(t, "quit before stage aidaptiv", partial(t, dir))
	assert.FileExists(t, filepath.Join(dir, "results", "r", "bench_baseline.txt"))
	assert.NoFileExists(t, filepath.Join(dir, "results", "r", "journal_aidaptiv.jsonl"))

	cmd := exec.Command(filepath.Join(bin, "aibench"), "run", "-run-id", "r", "-stage", "aidaptiv")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "BenchmarkContext/users=1")
	assert.Empty(t, partial(t, dir))
}

// Ctrl-C at the pause ends the run like Ctrl-C anywhere.
func TestPauseCtrlC(t *testing.T) {
	dir, p := runByHand(t)
	p.waitFor("Press Enter")
	p.types("\x03")
	assert.Equal(t, 130, p.ends(), p.seen())
	assert.Equal(t, "stage aidaptiv was not started", partial(t, dir))
}
