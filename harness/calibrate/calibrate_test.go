package calibrate

import (
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/mockserver"
)

// stream is an ok request that started 1 s after the epoch, whose server wrote at the
// given instants, and whose events arrived so much later (µs).
func stream(wroteMS []int64, lateUS []int64) record.Request {
	const start = int64(time.Second)
	r := record.Request{Intended: record.Some(start - 2000), Start: record.Some(start), FinishReason: "length", Stamp: "kernel"}
	for k, ms := range wroteMS {
		wrote := ms * 1e6 // ns since the epoch
		r.Text += fmt.Sprintf(" %019d", wrote)
		r.Events.Arrive = append(r.Events.Arrive, wrote+lateUS[k]*1000-start)
		r.Events.Kind += "t"
	}
	r.Events.Kind = "e" + r.Events.Kind + "u" // a role before, a usage after
	r.Events.Arrive = append(append([]int64{5}, r.Events.Arrive...), 1e9)
	return r
}

func ExampleWrite() {
	c := record.Calibration{TriedUsers: 4, LimitUsers: record.Some(4), Levels: []record.CalibrationLevel{{
		Users: 1, Requests: 6, Events: 96, Stamp: "kernel", EventsRate: 94, CPUShare: record.Some(0.004),
		First:   record.Spread{P50: 57e3, P99: 114e3},
		Arrival: record.Spread{P50: 20e3, P99: 95e3, Max: 114e3},
		Gap:     record.Spread{P50: 7800, P99: 82e3}, Queue: record.Spread{P99: 2.6e6},
	}}}
	if err := Write(os.Stdout, c); err != nil {
		panic(err)
	}
	// Output:
	// calibration: this client's own error against a server of known timing
	//   users  TTFT P50     P99  arrival P50    P99     max  gap P50    P99  queue P99  events/s  CPU stamp
	//       1     57 µs  114 µs        20 µs  95 µs  114 µs   7.8 µs  82 µs     2.6 ms        94  0 % kernel
	// the client becomes the limit at 4 users
}

func TestEvaluate(t *testing.T) {
	failed := stream([]int64{1010}, []int64{1})
	failed.Failure = &record.Failure{Kind: record.FailReset}
	l := evaluate([]record.Request{
		stream([]int64{1010, 1020, 1030}, []int64{100, 100, 300}), // late by so many µs
		stream([]int64{1010, 1020}, []int64{50, 20}),
		failed,
	}, 0)
	assert.Equal(t, 2, l.Requests)
	assert.Equal(t, 1, l.Failed)
	assert.Equal(t, 5, l.Events)
	assert.Equal(t, "kernel", l.Stamp)
	assert.Equal(t, int64(100e3), l.Arrival.P50, "of 20, 50, 100, 100, 300 µs")
	assert.Equal(t, int64(300e3), l.Arrival.Max)
	assert.Equal(t, int64(75e3), l.First.P50, "of 50, 100 µs")
	assert.Equal(t, int64(30e3), l.Gap.P50, "of |0|, |200|, |-30| µs")
	assert.Equal(t, int64(200e3), l.Gap.Max)
	assert.Equal(t, int64(2000), l.Queue.P50)
}

// What is not one instant an event is no measurement.
func TestLatenessRefusesOtherText(t *testing.T) {
	for name, change := range map[string]func(*record.Request){
		"ordinary words":        func(r *record.Request) { r.Text = "once upon" },
		"two tokens in a chunk": func(r *record.Request) { r.Text += " 0000000001040000000" },
		"a token missing":       func(r *record.Request) { r.Text = r.Text[:20] },
		"cut":                   func(r *record.Request) { r.FinishReason = "" },
		"never started":         func(r *record.Request) { r.Start = record.Opt[int64]{} },
	} {
		r := stream([]int64{1010, 1020}, []int64{1, 1})
		_, ok := lateness(&r, 0)
		require.True(t, ok)
		change(&r)
		_, ok = lateness(&r, 0)
		assert.False(t, ok, name)
	}
}

func TestLimited(t *testing.T) {
	assert.False(t, limited(record.CalibrationLevel{Gap: record.Spread{P50: 500e3}, CPUShare: record.Some(0.8)}))
	assert.True(t, limited(record.CalibrationLevel{Gap: record.Spread{P50: 500e3 + 1}}))
	assert.True(t, limited(record.CalibrationLevel{CPUShare: record.Some(0.81)}))
	assert.True(t, limited(record.CalibrationLevel{Failed: 1}))
}

func TestNextPower(t *testing.T) {
	for n, want := range map[int]int{1: 2, 2: 4, 3: 4, 4: 8, 100: 128} {
		assert.Equal(t, want, nextPower(n), n)
	}
}

// Against the mock for real: every event is compared, none arrives before it was
// written, and the loads are those asked for.
func TestRun(t *testing.T) {
	p, err := mockserver.LoadProfile("steady")
	require.NoError(t, err)
	m, err := mockserver.New(p, mockserver.Options{StampText: true})
	require.NoError(t, err)
	srv := httptest.NewServer(m)
	t.Cleanup(func() { srv.Close(); m.Close() })
	cfg := DefaultConfig()
	cfg.Client.Endpoint, cfg.Users, cfg.Tokens, cfg.Most = srv.URL+"/v1", []int{3, 1, 3}, 4, 4
	c, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	var users []int
	for _, l := range c.Levels {
		users = append(users, l.Users)
		assert.Equal(t, fewest, l.Requests)
		assert.Equal(t, fewest*4, l.Events)
		assert.Positive(t, l.Arrival.P50)
		assert.GreaterOrEqual(t, l.Arrival.Max, l.Arrival.P99)
		assert.Positive(t, l.EventsRate)
	}
	assert.Equal(t, []int{1, 3, 4}, users)
	assert.Equal(t, 4, c.TriedUsers)
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	m, err := mockserver.ServeLocal("null", mockserver.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	cfg := DefaultConfig()
	cfg.Client.Endpoint = m.URL()
	_, err = Run(t.Context(), cfg)
	require.ErrorContains(t, err, "no text of instants: is the server the mock with -stamp-text?")

	m.Close()
	_, err = Run(t.Context(), cfg)
	require.ErrorContains(t, err, "refused")
}
