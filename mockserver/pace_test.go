package mockserver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// On the real clock nothing comes early, near deadlines and far ones alike. How
// late it comes is the machine's affair, and no test's.
func TestPacerIsNeverEarly(t *testing.T) {
	for _, p := range []pacer{{}, {goTimers: true}} {
		for _, d := range []time.Duration{-time.Second, 0, 40 * time.Microsecond, 300 * time.Microsecond, 3 * time.Millisecond} {
			deadline := time.Now().Add(d)
			assert.NoError(t, p.until(context.Background(), deadline))
			assert.False(t, time.Now().Before(deadline), d)
		}
	}
}

func TestPacerStopsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, pacer{goTimers: true}.until(ctx, start.Add(time.Hour)), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		assert.ErrorIs(t, pacer{}.until(ctx, start), context.DeadlineExceeded, "even when there is nothing to wait for")
	})
}
