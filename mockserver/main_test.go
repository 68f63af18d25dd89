package mockserver

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mockserver": func() { os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		// ask URL-FILE BODY: posts a completion to the server whose first line
		// of output is in the file.
		"ask": func() { os.Exit(askCommand(os.Args[1:])) },
	})
}

var listening = regexp.MustCompile(`http://\S+`)

func askCommand(args []string) int {
	var url string
	for url == "" { // the server is starting
		b, _ := os.ReadFile(args[0])
		url = listening.FindString(string(b))
	}
	r, _ := http.NewRequest(http.MethodPost, url+args[1], strings.NewReader(args[2]))
	r.Header.Set("Authorization", "Bearer "+os.Getenv("MOCK_KEY"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		os.Stdout.WriteString("no answer: " + err.Error() + "\n")
		return 0
	}
	defer resp.Body.Close()
	os.Stdout.WriteString(resp.Status + "\n")
	_, _ = io.Copy(os.Stdout, resp.Body)
	return 0
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		// serve FILE ARGS...: starts mockserver, its stdout and stderr in FILE,
		// and waits for it to listen.
		"serve":  serveCmd,
		"signal": signalCmd,
		"ends":   endsCmd,
	}})
}

type child struct {
	cmd *exec.Cmd
	out *os.File
}

var children sync.Map // *testscript.TestScript -> *child

func serveCmd(ts *testscript.TestScript, _ bool, args []string) {
	out, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	cmd := exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args[1:]...)...)
	bin, err := exec.LookPath("mockserver")
	if ts.Getenv("PATH") != "" {
		for _, d := range strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator)) {
			if _, statErr := os.Stat(d + "/mockserver"); statErr == nil {
				bin, err = d+"/mockserver", nil
				break
			}
		}
	}
	ts.Check(err)
	cmd.Path, cmd.Args[0] = bin, bin
	cmd.Env = append(os.Environ(), "MOCK_KEY="+ts.Getenv("MOCK_KEY"))
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	children.Store(ts, &child{cmd, out})
	ts.Defer(func() { _ = cmd.Process.Kill(); _ = out.Close() })
}

func signalCmd(ts *testscript.TestScript, _ bool, _ []string) {
	c, _ := children.Load(ts)
	ts.Check(c.(*child).cmd.Process.Signal(os.Interrupt))
}

// ends STATE: waits for the server to end and compares how it did.
func endsCmd(ts *testscript.TestScript, _ bool, args []string) {
	c, _ := children.Load(ts)
	_ = c.(*child).cmd.Wait()
	if got := c.(*child).cmd.ProcessState.String(); got != strings.Join(args, " ") {
		ts.Fatalf("ended with %q", got)
	}
}

// Main serves in process too, until its context ends.
func TestMainInProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int)
	go func() { code <- Main(ctx, []string{"-addr", "127.0.0.1:0", "-profile", "fast"}, nil, w, &stderr) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	assert.Regexp(t, `^listening on http://127\.0\.0\.1:\d+ \(mockserver \(simulated\), profile fast, stage baseline\)\n$`, line)
	resp, err := http.Get(listening.FindString(line) + "/health")
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 200, resp.StatusCode)
	cancel()
	assert.Zero(t, <-code)
	assert.Empty(t, stderr.String())
}
