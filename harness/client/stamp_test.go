package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clocks are two clocks that the test sets; each reading takes cost.
type clocks struct {
	mono, wall int64
	cost       []int64 // of the next readings, then 0
	readings   int
}

func (c *clocks) both() (int64, int64) {
	c.readings++
	if len(c.cost) > 0 {
		c.mono, c.wall = c.mono+c.cost[0], c.wall+c.cost[0]
		c.cost = c.cost[1:]
	}
	return c.mono, c.wall
}

func (c *clocks) pass(d int64) { c.mono += d; c.wall += d }

const (
	us     = int64(1000)
	second = int64(1e9)
)

func newClocks() *clocks { return &clocks{mono: 5 * second, wall: 1_795_000_000 * second} }

func TestBracketTakesTheTightest(t *testing.T) {
	c := newClocks()
	// The second of five measurements is the quickest: its two halves take 30 and 10.
	c.cost = []int64{0, 500, 500, 30, 10, 9000, 70, 200, 200, 80, 80}
	want := c.wall - c.mono
	w := newWallClock(c.both)
	assert.Equal(t, int64(40), w.width.Load())
	assert.InDelta(t, want, w.offset.Load(), 40, "off by no more than it says")
	assert.Equal(t, 1+2*brackets, c.readings)
}

func TestKernelStampIsConverted(t *testing.T) {
	c := newClocks()
	w := newWallClock(c.both)
	stamp := c.wall + 7
	c.pass(50 * us) // the reader is late
	assert.Equal(t, arrival{at: 5*second + 7, kernel: true}, w.arrival(stamp, c.mono, c.wall))
	assert.Equal(t, arrival{at: c.mono}, w.arrival(0, c.mono, c.wall), "no stamp: ours")
	assert.Equal(t, arrival{at: c.mono}, w.arrival(c.wall+1, c.mono, c.wall), "from the future: ours")
	assert.Equal(t, [4]int64{1, 1, 1, 0}, counted(w))
}

func TestStampWithinTheOffsetsErrorIsNotInTheFuture(t *testing.T) {
	c := newClocks()
	w := newWallClock(c.both)
	w.width.Store(40)
	assert.Equal(t, arrival{at: c.mono, kernel: true}, w.arrival(c.wall+40, c.mono, c.wall))
	assert.Equal(t, arrival{at: c.mono}, w.arrival(c.wall+41, c.mono, c.wall))
}

func TestStepOfTheWallClock(t *testing.T) {
	for name, step := range map[string]int64{"forward": 3600 * second, "back": -3600 * second, "small": 30 * us, "small, back": -30 * us} {
		t.Run(name, func(t *testing.T) {
			c := newClocks()
			w := newWallClock(c.both)
			before := c.wall
			c.pass(100 * us)
			c.wall += step
			assert.Equal(t, arrival{at: c.mono}, w.arrival(before, c.mono, c.wall), "stamped before the step, read after it")
			assert.Equal(t, arrival{at: c.mono}, w.arrival(c.wall, c.mono, c.wall), "soon after: which side it is from nobody knows")
			assert.Equal(t, [4]int64{0, 0, 2, 1}, counted(w))

			c.pass(settle)
			stamp, at := c.wall, c.mono
			c.pass(us)
			assert.Equal(t, arrival{at: at, kernel: true}, w.arrival(stamp, c.mono, c.wall), "by the new offset")
			assert.Equal(t, int64(1), w.steps.Load())
		})
	}
}

func TestTinyStepIsFoundByTheRegularMeasurement(t *testing.T) {
	c := newClocks()
	w := newWallClock(c.both)
	c.wall -= 5 * us
	c.pass(us)
	assert.True(t, w.arrival(c.wall-us, c.mono, c.wall).kernel, "below what one look can tell")
	c.pass(remeasure)
	assert.False(t, w.arrival(c.wall, c.mono, c.wall).kernel)
	assert.Equal(t, int64(1), w.steps.Load())
}

// A thread that is stopped between its two clock readings sees a difference that is
// no step: the measurement that it asks for says so.
func TestStoppedThreadIsNoStep(t *testing.T) {
	c := newClocks()
	w := newWallClock(c.both)
	stamp, at, late := c.wall, c.mono, c.wall
	c.pass(4 * 1000 * us)
	assert.Equal(t, arrival{at: at, kernel: true}, w.arrival(stamp, c.mono, late))
	assert.Zero(t, w.steps.Load())
}

func TestLooseMeasurementDoesNotReplaceATightOne(t *testing.T) {
	c := newClocks()
	w := newWallClock(c.both)
	w.width.Store(100)
	offset := w.offset.Load()
	c.pass(2 * remeasure)
	c.cost = []int64{0, 900, 100, 900, 100, 900, 100, 900, 100, 900, 100}
	assert.True(t, w.arrival(c.wall, c.mono, c.wall).kernel)
	assert.Equal(t, offset, w.offset.Load())
	assert.Equal(t, int64(112), w.width.Load())
	assert.Zero(t, w.steps.Load())
	readings := c.readings
	w.arrival(c.wall, c.mono, c.wall)
	assert.Equal(t, readings, c.readings, "measured just now")
}

// What comes after an event with a stamp of ours has at least its instant, though the
// kernel had it earlier; and nothing comes before the question.
func TestInstantsOfAStreamDoNotGoBack(t *testing.T) {
	c, err := New(DefaultConfig(), time.Now())
	require.NoError(t, err)
	x := &exchange{c: c, tally: &tally{start: 100}}
	assert.Equal(t, arrival{at: 200}, x.possible(arrival{at: 200}))
	assert.Equal(t, arrival{at: 200, kernel: true}, x.possible(arrival{at: 190, kernel: true}))
	assert.Equal(t, arrival{at: 210, kernel: true}, x.possible(arrival{at: 210, kernel: true}))
	before := c.clock.now()
	a := x.possible(arrival{at: 99, kernel: true})
	assert.GreaterOrEqual(t, a.at, before)
	assert.False(t, a.kernel)
}

func counted(w *wallClock) [4]int64 {
	return [4]int64{w.kernel.Load(), w.user.Load(), w.discarded.Load(), w.steps.Load()}
}
