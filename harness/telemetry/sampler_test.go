package telemetry

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

const ms = time.Millisecond

// script is a prober whose ticks take as long as told.
type script struct {
	takes []time.Duration // of tick i; none: no time
	ticks int
	pid   int
}

func (s *script) fill(_ context.Context, t *Tick) {
	if s.ticks < len(s.takes) {
		time.Sleep(s.takes[s.ticks])
	}
	s.ticks++
	t.RAMUsed = record.Some(int64(s.ticks))
}
func (s *script) watch(pid int)     { s.pid = pid }
func (s *script) sources() []string { return []string{"script: yes"} }

func instants(t *testing.T, file *bytes.Buffer) (at []time.Duration) {
	t.Helper()
	ticks, err := ReadCSV(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	for _, k := range ticks {
		at = append(at, time.Duration(k.At))
	}
	return at
}

func TestSamplerKeepsItsSchedule(t *testing.T) {
	for name, c := range map[string]struct {
		takes  []time.Duration
		run    time.Duration
		at     []time.Duration // since the start
		missed int
	}{
		"free":            {run: 990 * ms, at: []time.Duration{0, 200 * ms, 400 * ms, 600 * ms, 800 * ms}},
		"stopped at once": {run: 0, at: []time.Duration{0}},
		"each tick costs, none drifts": {takes: []time.Duration{30 * ms, 199 * ms, 1 * ms}, run: 700 * ms,
			at: []time.Duration{0, 200 * ms, 400 * ms, 600 * ms}},
		"ends when the next is due": {takes: []time.Duration{0, 200 * ms}, run: 500 * ms,
			at: []time.Duration{0, 200 * ms, 400 * ms}},
		"two pass": {takes: []time.Duration{0, 450 * ms}, run: 1050 * ms, missed: 2, // 400, 600
			at: []time.Duration{0, 200 * ms, 800 * ms, 1000 * ms}},
		"stuck at the end": {takes: []time.Duration{0, 500 * ms}, run: 300 * ms, missed: 2,
			at: []time.Duration{0, 200 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				epoch := time.Now()
				time.Sleep(7 * ms)
				var file bytes.Buffer
				s, err := startSampler(t.Context(), &file, epoch, 1, true, 200*ms, &script{takes: c.takes})
				require.NoError(t, err)
				time.Sleep(c.run)
				sum := s.Stop()
				for i := range c.at {
					c.at[i] += 7 * ms
				}
				assert.Equal(t, c.at, instants(t, &file))
				assert.Equal(t, Summary{Ticks: len(c.at), Missed: c.missed, Sources: []string{"script: yes"}}, sum)
				assert.Equal(t, sum, s.Stop(), "stop again")
			})
		})
	}
}

func TestNextTick(t *testing.T) {
	const iv = 200 * ms
	for _, c := range []struct {
		done    int64
		elapsed time.Duration
		next    int64
		missed  int
		wait    time.Duration
	}{
		{0, 0, 1, 0, 200 * ms},
		{0, 199 * ms, 1, 0, 1 * ms},
		{0, 200 * ms, 1, 0, 0},
		{0, 201 * ms, 2, 1, 199 * ms},
		{0, 400 * ms, 2, 1, 0},
		{4, 850 * ms, 5, 0, 150 * ms},
		{4, 2050 * ms, 11, 6, 150 * ms},
	} {
		next, missed, wait := nextTick(c.done, c.elapsed, iv)
		assert.Equal(t, []any{c.next, c.missed, c.wait}, []any{next, missed, wait}, "%+v", c)
	}
}

// clogged is a file on a disk that takes its time.
type clogged struct {
	bytes.Buffer
	takes  time.Duration
	err    error
	writes int
}

func (c *clogged) Write(b []byte) (int, error) {
	if c.writes++; c.writes == 1 { // the header
		return c.Buffer.Write(b)
	}
	time.Sleep(c.takes)
	if c.err != nil {
		return 0, c.err
	}
	return c.Buffer.Write(b)
}

func TestASlowDiskCostsNoTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &clogged{takes: 3 * time.Second}
		s, err := startSampler(t.Context(), file, time.Now(), 1, true, 200*ms, &script{})
		require.NoError(t, err)
		time.Sleep(9990 * ms)
		sum := s.Stop()
		assert.Equal(t, Summary{Ticks: 50, Sources: []string{"script: yes"}}, sum)
		assert.Len(t, instants(t, &file.Buffer), 50)
	})
}

func TestAFullDiskIsToldAndStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := &clogged{err: errors.New("no space left on device")}
		s, err := startSampler(t.Context(), file, time.Now(), 1, true, 200*ms, &script{})
		require.NoError(t, err)
		time.Sleep(4990 * ms)
		sum := s.Stop()
		assert.Equal(t, 25, sum.Ticks)
		assert.Equal(t, "no space left on device", sum.WriteError)
		assert.Equal(t, 2, file.writes, "nothing after the failure")
	})
}

// rowCount counts the rows that have arrived.
type rowCount struct{ n atomic.Int64 }

func (c *rowCount) Write(b []byte) (int, error) {
	c.n.Add(int64(bytes.Count(b, []byte("\n"))))
	return len(b), nil
}

func TestRowsReachTheFileEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file rowCount
		s, err := startSampler(t.Context(), &file, time.Now(), 1, true, 250*ms, &script{})
		require.NoError(t, err)
		defer s.Stop()
		time.Sleep(990 * ms)
		synctest.Wait()
		assert.EqualValues(t, 1, file.n.Load(), "the header")
		time.Sleep(20 * ms) // tick 4 was at 1 s
		synctest.Wait()
		assert.EqualValues(t, 1+5, file.n.Load())
	})
}

func TestEndOfContextEndsSampling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var file bytes.Buffer
		s, err := startSampler(ctx, &file, time.Now(), 1, true, 200*ms, &script{})
		require.NoError(t, err)
		time.Sleep(300 * ms)
		cancel()
		synctest.Wait()
		assert.Len(t, instants(t, &file), 2, "rows are in the file without a Stop")
		assert.Equal(t, 2, s.Stop().Ticks)
	})
}

func TestWatchReachesTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		s, err := startSampler(t.Context(), &bytes.Buffer{}, time.Now(), 1, true, 200*ms, p)
		require.NoError(t, err)
		s.Watch(77)
		s.Stop()
		assert.Equal(t, 77, p.pid)
	})
}

func TestStartRefuses(t *testing.T) {
	for want, cfg := range map[string]Config{
		"telemetry interval 49ms: want at least 50ms": {Interval: 49 * ms},
		"telemetry interval -1s: want at least 50ms":  {Interval: -time.Second},
		"telemetry pid -4: want a process id":         {PID: -4},
	} {
		_, err := Start(t.Context(), &bytes.Buffer{}, time.Now(), 1, true, cfg)
		assert.ErrorContains(t, err, want)
	}
	_, err := Start(t.Context(), failing{}, time.Now(), 1, true, Config{})
	assert.EqualError(t, err, "telemetry file: read-only file system")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("read-only file system") }

// TestSamplerOfThisMachine takes real ticks: figures that any system of this kind
// has are there.
func TestSamplerOfThisMachine(t *testing.T) {
	var file bytes.Buffer
	s, err := Start(t.Context(), &file, time.Now(), 3, true, Config{Interval: MinInterval})
	require.NoError(t, err)
	sum := s.Stop()
	assert.GreaterOrEqual(t, sum.Ticks, 1)
	ticks, err := ReadCSV(&file)
	require.NoError(t, err)
	require.Len(t, ticks, sum.Ticks)
	assert.Equal(t, 3, ticks[0].Session)
	total, ok := ticks[0].RAMTotal.Get()
	assert.True(t, ok && total > 1<<20, "RAM %d %v", total, ok)
	assert.False(t, ticks[0].ServerRSS.Has(), "no process id was given")
	all := strings.Join(sum.Sources, "\n")
	assert.Contains(t, all, "server: absent: its process id is not known")
	assert.NotContains(t, all, "nvidia", "nobody looked for a GPU")
}
