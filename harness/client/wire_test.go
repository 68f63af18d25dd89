package client

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serverRole makes the test binary be the stamping server instead. The benchmarks
// run it as a process of its own, so that the client's lateness isn't the server's.
const serverRole = "AIBENCH_CLIENT_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverRole) != "" {
		stampingServer()
		return
	}
	os.Exit(m.Run())
}

// stampingServer writes events at a cadence; the content of each is the instant, in
// ns of the wall clock, taken right before the write call that carries it. It speaks
// just enough HTTP/1.1 to be exact: one event, one chunk, one write, no buffers.
// The query says how: /any?n=64&gap=20ms. It ends with its standard input.
func stampingServer() {
	if core := os.Getenv(serverRole); core != "-1" {
		n, _ := strconv.Atoi(core)
		pin(n)
		runtime.GOMAXPROCS(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go serveStamps(l)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func serveStamps(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			in := bufio.NewReaderSize(conn, 4096)
			for {
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				q := req.URL.Query()
				n, _ := strconv.Atoi(q.Get("n"))
				gap, _ := time.ParseDuration(q.Get("gap"))
				if writeStamps(conn, n, gap) != nil {
					return
				}
			}
		}()
	}
}

const (
	stampHead  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	eventHead  = `data: {"id":"chatcmpl-8f6d4c0b2f1e4a1f9a5b0f1f2c3d4e5f","object":"chat.completion.chunk","created":1795304279,"model":"m","choices":[{"index":0,"delta":{"content":"`
	eventTail  = " \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
	instantLen = 19 // digits of an instant in this century
)

func writeStamps(conn net.Conn, n int, gap time.Duration) error {
	if _, err := io.WriteString(conn, stampHead); err != nil {
		return err
	}
	size := fmt.Appendf(nil, "%x\r\n", len(eventHead)+instantLen+len(eventTail))
	buf := make([]byte, 0, 512)
	next := time.Now()
	for range n {
		next = next.Add(gap)
		time.Sleep(time.Until(next))
		buf = append(append(buf[:0], size...), eventHead...)
		buf = strconv.AppendInt(buf, time.Now().UnixNano(), 10)
		buf = append(append(buf, eventTail...), "\r\n"...)
		if _, err := conn.Write(buf); err != nil {
			return err
		}
	}
	_, err := io.WriteString(conn, chunked(finish("length")+doneLine)+"0\r\n\r\n")
	return err
}

// spawn starts the stamping server, on a core of its own where there are two, and
// keeps this process to the others. It gives the server's address.
func spawn(tb testing.TB) string {
	tb.Helper()
	core := -1
	if runtime.NumCPU() > 1 {
		core = 0
		pin(1)
		old := runtime.GOMAXPROCS(1)
		tb.Cleanup(func() { unpin(); runtime.GOMAXPROCS(old) })
	}
	self, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), serverRole+"="+strconv.Itoa(core))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(tb, err)
	out, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(tb, err)
	return strings.TrimSpace(addr)
}

// parallel runs f for each user at once and waits.
func parallel(users int, f func(user int)) {
	var wg sync.WaitGroup
	for u := range users {
		wg.Go(func() { f(u) })
	}
	wg.Wait()
}
