package stage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	healthEvery   = 50 * time.Millisecond
	healthTimeout = 5 * time.Second // of one request: a loading server may accept and not answer
)

// WaitReady returns nil once the health URL answers 200. It fails at once, with
// the exit status and the last output, when the server ends before that, and
// after ReadyTimeout with what the URL answered last.
func (p *Process) WaitReady(ctx context.Context) error {
	if p.cfg.ReadyTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.cfg.ReadyTimeout, fmt.Errorf("not ready within %v", p.cfg.ReadyTimeout))
		defer cancel()
	}
	client := &http.Client{
		Timeout:   healthTimeout,
		Transport: &http.Transport{DisableKeepAlives: true}, // no proxy: the server is the one we started
	}
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		p.oom.renew(p.pid) // it may die of memory while it loads
		answer := health(ctx, client, p.cfg.Health)
		if e, dead := p.Exited(); dead {
			return fmt.Errorf("server ended before it was ready: %v%s", e, quoteTail(e.Tail))
		}
		if answer == nil {
			return nil
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return fmt.Errorf("server: %w: last answer: %v%s", context.Cause(ctx), answer, quoteTail(p.log.tail()))
		case <-tick.C:
		}
	}
}

func health(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

func quoteTail(tail string) string {
	if tail == "" {
		return "; it wrote nothing"
	}
	return "; its last output:\n" + tail
}
