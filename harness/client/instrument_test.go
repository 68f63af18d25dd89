package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// The instrument's own figures. The server is another process, pinned to one core,
// this one to the other:
//
//	go test -run '^$' -bench 'Client(Error|Cost|Streams)' -count 5 ./harness/client
//
// An iteration is one round: every user makes one request of 64 tokens, 20 ms apart.
const (
	roundTokens = 64
	roundGap    = "20ms"
)

func instrument(tb testing.TB, addr, stamps string, users int) *Client {
	tb.Helper()
	cfg := DefaultConfig()
	cfg.Endpoint, cfg.API, cfg.MaxConns, cfg.Stamps = "http://"+addr, Chat, users, stamps
	c, err := New(cfg, time.Now())
	require.NoError(tb, err)
	c.url += fmt.Sprintf("?n=%d&gap=%s", roundTokens, roundGap)
	tb.Cleanup(c.Close)
	return c
}

// errorsOf gives, for each event, its arrival minus the instant that the server wrote
// into it.
func errorsOf(tb testing.TB, c *Client, r *record.Request) []int64 {
	if r.Failure != nil {
		tb.Error(r.Failure)
		return nil
	}
	epoch, start := c.clock.epoch.UnixNano(), r.Start.Or(0)
	var errs []int64
	for i, word := range strings.Fields(r.Text) {
		wrote, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			tb.Error(err)
			return nil
		}
		errs = append(errs, epoch+start+r.Events.Arrive[i]-wrote)
	}
	return errs
}

func quantile(sorted []int64, q float64) float64 {
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)])
}

// BenchmarkClientError is how late our instants are: the stamp of an event minus the
// server's clock right before it wrote it. Kernel and user stamps are taken in the
// same rounds: of each two users one has the one, one the other (with one user, of
// each two requests).
func BenchmarkClientError(b *testing.B) {
	for _, users := range []int{1, 64, 256, 1000} {
		b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) { benchError(b, users) })
	}
}

func benchError(b *testing.B, users int) {
	if runtime.GOOS != "linux" {
		b.Skip("the kernel's stamps are read on Linux only")
	}
	addr := spawn(b)
	clients := []*Client{instrument(b, addr, "", users), instrument(b, addr, StampUser, users)}
	errs := make([][]int64, 2)
	var mu sync.Mutex
	var merged, events atomic.Int64
	round := 0
	ask := Ask{Prompt: "x", MaxTokens: roundTokens}
	for b.Loop() {
		parallel(users, func(user int) {
			kind := (user + round) % 2
			time.Sleep(time.Duration(user) * 20 * time.Millisecond / time.Duration(users)) // not all at once
			r := &record.Request{}
			clients[kind].Do(context.Background(), ask, r)
			e := errorsOf(b, clients[kind], r)
			if kind == 0 {
				merged.Add(int64(sharedReads(r)))
				events.Add(int64(len(e)))
				if r.Stamp != StampKernel {
					b.Error("not stamped by the kernel")
				}
			}
			mu.Lock()
			errs[kind] = append(errs[kind], e...)
			mu.Unlock()
		})
		if round++; users == 1 {
			round %= 2
		}
	}
	b.ReportMetric(0, "ns/op")
	for kind, name := range []string{"kernel", "user"} {
		e := errs[kind]
		if len(e) == 0 {
			continue // one iteration with one user
		}
		slices.Sort(e)
		b.ReportMetric(quantile(e, 0.5), name+"-err-p50-ns")
		b.ReportMetric(quantile(e, 0.99), name+"-err-p99-ns")
		b.ReportMetric(float64(e[len(e)-1]), name+"-err-max-ns")
	}
	if n := events.Load(); n > 0 {
		b.ReportMetric(100*float64(merged.Load())/float64(n), "shared-%")
	}
}

// sharedReads counts the events that came in one read with a later one.
func sharedReads(r *record.Request) (n int) {
	for i := 1; i < len(r.Events.Arrive); i++ {
		if r.Events.Arrive[i] == r.Events.Arrive[i-1] && r.Events.Kind[i] == record.EventText {
			n++
		}
	}
	return n
}

// BenchmarkClientCost is the whole client's CPU time an event against that of a bare
// net/http reader that counts newlines, in turn, on the same server.
func BenchmarkClientCost(b *testing.B) {
	for _, users := range []int{256, 1000} {
		b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) { benchCost(b, users) })
	}
}

func benchCost(b *testing.B, users int) {
	if cpuTime() == 0 {
		b.Skip("the CPU time of a process is read on Linux only")
	}
	addr := spawn(b)
	c := instrument(b, addr, "", users)
	bare := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: users, DisableCompression: true}}
	defer bare.CloseIdleConnections()
	var cpu [2]int64
	var failed atomic.Int64
	ask := Ask{Prompt: "x", MaxTokens: roundTokens}
	ways := []func(int){
		func(int) {
			r := &record.Request{}
			if c.Do(context.Background(), ask, r); r.Failure != nil || len(r.Events.Kind) != roundTokens+1 {
				failed.Add(1)
			}
		},
		func(int) {
			if n, err := countLines(bare, c.url); err != nil || n != 2*(roundTokens+2) {
				failed.Add(1)
			}
		},
	}
	for _, way := range ways {
		parallel(users, way) // connections and buffers are made here
	}
	rounds := 0
	for b.Loop() {
		for i := range ways {
			way := (i + rounds) % 2
			runtime.GC()
			before := cpuTime()
			parallel(users, ways[way])
			cpu[way] += cpuTime() - before
		}
		rounds++
	}
	if failed.Load() > 0 {
		b.Errorf("%d requests failed", failed.Load())
	}
	events := float64(rounds * users * (roundTokens + 1))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu[0])/events, "client-cpu-ns/event")
	b.ReportMetric(float64(cpu[1])/events, "bare-cpu-ns/event")
	b.ReportMetric(float64(cpu[0])/float64(cpu[1]), "cpu-ratio")
	b.ReportMetric(allocsPerEvent(b, c), "allocs/event")
}

func countLines(c *http.Client, url string) (lines int, err error) {
	resp, err := c.Post(url, "application/json", strings.NewReader(`{"stream":true}`))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	buf := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(buf)
		lines += bytes.Count(buf[:n], []byte("\n"))
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}

// allocsPerEvent is what a longer stream allocates more than a shorter one, an event.
func allocsPerEvent(tb testing.TB, c *Client) float64 {
	plain, _, _ := strings.Cut(c.url, "?")
	defer func(url string) { c.url = url }(c.url)
	of := func(n int) float64 {
		c.url = fmt.Sprintf("%s?n=%d&gap=50us", plain, n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := &record.Request{}
		c.Do(context.Background(), Ask{Prompt: "x", MaxTokens: 8192}, r)
		runtime.ReadMemStats(&after)
		if r.Failure != nil || len(r.Events.Kind) != n+1 {
			tb.Errorf("stream of %d: %d events, failure %v", n, len(r.Events.Kind), r.Failure)
		}
		return float64(after.Mallocs - before.Mallocs)
	}
	of(100)
	return (of(6100) - of(100)) / 6000
}

// BenchmarkClientStreams holds many streams at once: none may fail, and a stream's
// memory (heap, stacks and what the runtime keeps for them) is given.
func BenchmarkClientStreams(b *testing.B) {
	const users = 2000
	b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) {
		addr := spawn(b)
		c := instrument(b, addr, "", users)
		c.cfg.KeepText = false
		var failed, events atomic.Int64
		var most uint64
		base := inUse()
		began := time.Now()
		for b.Loop() {
			done := make(chan struct{})
			go func() {
				parallel(users, func(int) {
					r := &record.Request{}
					c.Do(context.Background(), Ask{Prompt: "x", MaxTokens: roundTokens}, r)
					if r.Failure != nil || !r.Terminated {
						failed.Add(1)
					}
					events.Add(int64(len(r.Events.Kind)))
				})
				close(done)
			}()
			time.Sleep(700 * time.Millisecond) // in the midst of the streams
			most = max(most, inUse()-base)
			<-done
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(events.Load())/time.Since(began).Seconds(), "events/s")
		b.ReportMetric(float64(failed.Load()), "failed")
		b.ReportMetric(float64(most)/users, "B/stream")
		if failed.Load() > 0 {
			b.Errorf("%d streams failed", failed.Load())
		}
	})
}

// inUse is the memory in use after a collection.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
