package engine

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWaitBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		look := func(context.Context) error {
			at = append(at, time.Since(start))
			if len(at) == 10 {
				return nil
			}
			return errors.New("HTTP 503")
		}
		require.NoError(t, waitHealthy(t.Context(), look, 16*time.Millisecond, nil))
		ms := time.Millisecond
		us := time.Microsecond
		assert.Equal(t, []time.Duration{0, 16 * ms, 40 * ms, 76 * ms, 130 * ms, 211 * ms, 332500 * us, 514750 * us,
			770750 * us, 1026750 * us}, at, "by half each time, to 256 ms at most")
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := waitHealthy(ctx, func(context.Context) error { return errors.New("connection refused") }, 0, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "context deadline exceeded (last answer: connection refused)")
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestWaitHangingUpIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		looks := 0
		err := waitHealthy(ctx, func(ctx context.Context) error {
			if looks++; looks == 1 {
				return errors.New("HTTP 503: loading model")
			}
			<-ctx.Done()
			return ctx.Err()
		}, 0, nil)
		require.EqualError(t, err, "context deadline exceeded (last answer: HTTP 503: loading model)")
	})
}

func TestWaitForTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exited := errors.New("server exited: signal: killed")
		asked := 0
		alive := func() error {
			if asked++; asked == 3 {
				return exited
			}
			return nil
		}
		start := time.Now()
		err := waitHealthy(t.Context(), func(context.Context) error { return errors.New("connection refused") }, time.Second, alive)
		require.ErrorIs(t, err, exited)
		require.EqualError(t, err, "server exited: signal: killed (last answer: connection refused)")
		require.Equal(t, 2500*time.Millisecond, time.Since(start))
	})
}

func TestWaitHealthy(t *testing.T) {
	answers := []int{503, 404, 200}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answers[0])
		answers = answers[1:]
	}))
	require.NoError(t, WaitHealthy(t.Context(), s.URL, time.Nanosecond, nil))
	require.Empty(t, answers)
	answers = []int{503, 401}
	require.NoError(t, WaitHealthy(t.Context(), s.URL, time.Nanosecond, nil), "a server that wants a key is up")
	s.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	looks := 0
	err := WaitHealthy(ctx, s.URL, time.Nanosecond, func() error {
		if looks++; looks == 3 {
			cancel(errors.New("interrupted"))
		}
		return nil
	})
	require.EqualError(t, err, "wait for "+s.URL+": interrupted (last answer: connection refused)")
}

func TestEngineWait(t *testing.T) {
	s := serve(t, "ollama", nil)
	e := discover(t, s, Config{})
	require.NoError(t, e.Wait(t.Context(), ""))
	require.NoError(t, e.Wait(t.Context(), "api/ps"))
	asked := s.asked()
	assert.Equal(t, []string{"GET /api/version", "GET /api/ps"}, asked[len(asked)-2:])
}
