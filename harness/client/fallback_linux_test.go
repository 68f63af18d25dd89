package client

import (
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

func TestKernelRefuses(t *testing.T) {
	for name, change := range map[string]func(*Client){
		"setsockopt fails": func(c *Client) { c.setStamps = func(int) error { return syscall.ENOPROTOOPT } },
		"not wanted":       func(c *Client) { c.cfg.Stamps = StampUser },
		"no stamps come":   func(c *Client) { c.setStamps = func(int) error { return nil } },
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, stampWriter(4, time.Millisecond, false), false, false, nil)
			change(c.Client)
			r := do(c.Client)
			require.Nil(t, r.Failure)
			assert.Equal(t, "ttttf", r.Events.Kind)
			assert.Equal(t, StampUser, r.Stamp)
			assert.Zero(t, c.Stamps().Kernel)
			assert.Positive(t, c.Stamps().User)
		})
	}
}

// One event without a kernel's stamp makes the request one with user stamps.
func TestStepWithinAStreamIsSaid(t *testing.T) {
	var c served
	c = serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, s := range []string{text("A"), text("B"), finish("stop") + doneLine} {
			if i == 1 && req.Header.Get("X-Step") != "" {
				c.wall.offset.Add(-int64(time.Hour)) // as if the wall clock had been set
			}
			_, _ = io.WriteString(w, s)
			w.(http.Flusher).Flush()
			time.Sleep(2 * ms)
		}
	}), false, false, nil)
	c.primed(t)
	c.header.Set("X-Step", "1")
	r := do(c.Client)
	require.Nil(t, r.Failure)
	assert.Equal(t, StampUser, r.Stamp)
	assert.Equal(t, "ttf", r.Events.Kind)
	assert.IsNonDecreasing(t, r.Events.Arrive)
	assert.EqualValues(t, 1, c.Stamps().Steps)
	assert.Positive(t, c.Stamps().Discarded)
}

func TestConnectionErrorsThroughRecvmsg(t *testing.T) {
	url := rawStamps(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, stampHead+chunked(text("A")))
		time.Sleep(20 * ms)
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	})
	c, err := New(Config{Endpoint: url, API: Chat}, time.Now())
	require.NoError(t, err)
	defer c.Close()
	r := do(c)
	require.NotNil(t, r.Failure)
	assert.Equal(t, record.FailReset, r.Failure.Kind)
	assert.Contains(t, r.Failure.Message, "connection reset by peer")
	assert.Equal(t, "t", r.Events.Kind)
}

// Reading, stamping and parsing an event allocate nothing. (Requests do; a stream of
// 6000 events more may not.)
func TestEventsAllocateNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go serveStamps(l)
	c := instrument(t, l.Addr().String(), "", 1)
	c.cfg.StallTimeout = 0 // resetting its timer is the runtime's business
	// The server in this process allocates as well: a sixth of an allocation an event
	// would show, one an event fails.
	assert.Less(t, allocsPerEvent(t, c), 0.5)
}
