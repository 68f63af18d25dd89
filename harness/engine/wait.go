package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Wait waits until the server answers 200 at path; "" is Info.Health. See
// [WaitHealthy].
func (e *Engine) Wait(ctx context.Context, path string) error {
	if path == "" {
		path = e.info.Health
	}
	return WaitHealthy(ctx, e.site.root+"/"+strings.TrimPrefix(path, "/"), 0, nil)
}

// DefaultPoll is the first interval between two looks at a server's health.
const DefaultPoll = 100 * time.Millisecond

// slowest is how far the interval grows, as a multiple of the first.
const slowest = 16

// WaitHealthy polls url until it answers 2xx, or asks for a key, which a server does
// that is up: refused connections and 503 ("loading model") are what a starting server
// shows. The interval begins with poll (0:
// DefaultPoll) and grows to 16 times that, by half each time. Before each look,
// alive (nil: not asked) tells whether the server's process still runs; its error
// ends the wait. When ctx ends, the error says what the server answered last.
func WaitHealthy(ctx context.Context, url string, poll time.Duration, alive func() error) error {
	look := func(ctx context.Context) error { return lookHealthy(ctx, url) }
	if err := waitHealthy(ctx, look, poll, alive); err != nil {
		return fmt.Errorf("wait for %s: %w", url, err)
	}
	return nil
}

func lookHealthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Close = true // a server that restarts must not meet a connection of its past
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		if cause, known := noServer(err); known {
			return errors.New(cause)
		}
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2, resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	return &statusError{resp.StatusCode, strings.Join(strings.Fields(string(body)), " ")}
}

func waitHealthy(ctx context.Context, look func(context.Context) error, poll time.Duration, alive func() error) error {
	if poll <= 0 {
		poll = DefaultPoll
	}
	last := errors.New("not asked yet")
	for every := poll; ; every = min(every+every/2, slowest*poll) {
		if alive != nil {
			if err := alive(); err != nil {
				return fmt.Errorf("%w (last answer: %v)", err, last)
			}
		}
		if ctx.Err() == nil {
			err := look(ctx)
			if err == nil {
				return nil
			}
			if ctx.Err() == nil { // else the error is our own hanging up
				last = err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %v)", context.Cause(ctx), last)
		case <-time.After(every):
		}
	}
}
