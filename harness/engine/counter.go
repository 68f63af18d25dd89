package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"aibench/harness/client"
	"aibench/harness/record"
	"aibench/harness/scenario"
)

// Sizes of the calibration's probes, in blocks of scenario.ProbeText: 32, 128 and
// 512 words.
const (
	smallProbe  = 1
	middleProbe = 4
	largeProbe  = 16
)

// errNoUsage says that a request went well and was not counted.
var errNoUsage = errors.New("the server reports no usage")

// Counter makes the counter that prompts are built with. With a tokenize endpoint, two
// tiny requests check that it counts what the server bills: a constant difference
// (beginning-of-text, chat template) is corrected, any other makes it unfit. Without
// a fit endpoint, three tiny requests calibrate. What was decided is in Notes.
func (e *Engine) Counter(ctx context.Context) (scenario.Counter, error) {
	ask, closeClient, err := e.asker()
	if err != nil {
		return nil, err
	}
	defer closeClient()
	p := &probes{ask: ask, seen: map[int]scenario.Probe{}}
	if e.info.Tokenize != "" {
		c, err := e.verified(ctx, p)
		if c != nil || err != nil {
			return c, err
		}
	}
	return e.calibrated(ctx, p)
}

// verified compares the endpoint with the usage of two requests. No counter and no
// error: the endpoint is unfit.
func (e *Engine) verified(ctx context.Context, p *probes) (scenario.Counter, error) {
	t := e.endpoint()
	var offset [2]int
	for i, blocks := range []int{smallProbe, middleProbe} {
		n, err := t.Count(ctx, scenario.ProbeText(blocks))
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			e.note(fmt.Sprintf("prompt lengths are calibrated: %v", err))
			return nil, nil
		}
		billed, err := p.get(ctx, blocks)
		if errors.Is(err, errNoUsage) {
			e.note("the server reports no usage: prompt lengths are by its tokenize endpoint and not verified")
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		offset[i] = billed.Tokens - n
	}
	if offset[0] != offset[1] {
		e.note(fmt.Sprintf("prompt lengths are calibrated: the tokenize endpoint differs from the billed usage by %d tokens "+
			"for one prompt and by %d for another", offset[0], offset[1]))
		return nil, nil
	}
	t.offset = offset[0]
	return t, nil
}

// calibrated fits a line to the usage of a small and a large request. The one between
// tells whether the large one was counted whole: some servers cut a prompt at their
// context and say nothing.
func (e *Engine) calibrated(ctx context.Context, p *probes) (scenario.Counter, error) {
	small, err := p.get(ctx, smallProbe)
	if errors.Is(err, errNoUsage) {
		return nil, &Error{Msg: fmt.Sprintf("prompt length: %s at %s has no tokenize endpoint and reports no usage: "+
			"prompts of a given length can't be built", e.info.Name, e.site.base), Err: err,
			Hint: "use a server version that sends usage in streams (stream_options.include_usage), or the api ollama for Ollama; " +
				"prompts from a file need no length"}
	}
	if err != nil {
		return nil, err
	}
	middle, err := p.get(ctx, middleProbe)
	if err != nil {
		return nil, err
	}
	near, err := scenario.Calibrate(small, middle)
	if err != nil {
		return nil, fmt.Errorf("prompt length: %w", err)
	}
	large, err := p.get(ctx, largeProbe)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		e.note(fmt.Sprintf("prompt lengths are calibrated on 128 words only: a prompt of 512 failed: %v", err))
		return near, nil
	}
	expect, err := near.Count(ctx, large.Text)
	if err != nil {
		return nil, err
	}
	if math.Abs(float64(large.Tokens-expect)) > 0.05*float64(expect) {
		e.note(fmt.Sprintf("prompt lengths are calibrated on 128 words only: of a prompt of about %d tokens the server counted %d: "+
			"it seems to cut prompts", expect, large.Tokens))
		return near, nil
	}
	line, err := scenario.Calibrate(small, large)
	if err != nil {
		return nil, fmt.Errorf("prompt length: %w", err)
	}
	return line, nil
}

// probes remembers what the server billed for each probe text, so that none is sent
// twice.
type probes struct {
	ask  func(ctx context.Context, text string) (int, error)
	seen map[int]scenario.Probe
}

func (p *probes) get(ctx context.Context, blocks int) (scenario.Probe, error) {
	if got, ok := p.seen[blocks]; ok {
		return got, nil
	}
	text := scenario.ProbeText(blocks)
	n, err := p.ask(ctx, text)
	if err != nil {
		return scenario.Probe{}, err
	}
	p.seen[blocks] = scenario.Probe{Text: text, Tokens: n}
	return p.seen[blocks], nil
}

// asker gives a function that sends a text as the measured requests will be sent, and
// returns the prompt tokens that the server billed.
func (e *Engine) asker() (ask func(context.Context, string) (int, error), closeClient func(), err error) {
	timeout := e.cfg.Timeout
	if timeout == 0 {
		timeout = 10 * time.Minute
	}
	c, err := client.New(client.Config{Endpoint: e.cfg.Endpoint, API: e.cfg.API, Model: e.model.ID,
		APIKey: e.cfg.APIKey, Timeout: timeout, MaxConns: 1}, time.Now())
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, text string) (int, error) {
		var r record.Request
		c.Do(ctx, e.Ask(text, 1), &r)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if r.Failure != nil {
			return 0, fmt.Errorf("probe request to %s: %s: %s", c.URL(), r.Failure.Kind, r.Failure.Message)
		}
		n, ok := r.PromptTokens.Get()
		if !ok || n <= 0 {
			return 0, errNoUsage
		}
		return n, nil
	}, c.Close, nil
}
