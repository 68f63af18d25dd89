package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"aibench/harness/client"
	"aibench/harness/config"
	"aibench/harness/engine"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/harness/session"
	"aibench/harness/stage"
	"aibench/mockserver"
)

// quickTrials is the number of requests of a quick check, one a trial.
const quickTrials = 3

// quickContext is the prompt length of a quick check, unless one is given, in tokens.
const quickContext = 512

// quickCommand answers, in seconds and before a long run: what is this server, does
// it stream, how fast is it. It writes nothing.
func quickCommand(ctx context.Context, args []string, t terminal) error {
	fs := flag.NewFlagSet("aibench quick", flag.ContinueOnError)
	fs.SetOutput(t.out)
	cfg, err := config.FromArgs(fs, args, os.LookupEnv)
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("unexpected argument %q", fs.Arg(0))
	}
	endpoint := cmp.Or(cfg.Endpoint, cfg.Stages.Baseline.Endpoint)
	if strings.Contains(endpoint, "{port}") {
		return usagef("quick needs a server that is running: give its -endpoint, for this configuration starts its own")
	}
	if endpoint == "" {
		mock, err := mockserver.ServeLocal(cfg.MockProfile, mockserver.Options{Stage: stage.Baseline, Faults: cfg.MockFaults})
		if err != nil {
			return err
		}
		defer mock.Close()
		endpoint = mock.URL()
	}
	key := os.Getenv(cfg.APIKeyEnv)
	c := client.DefaultConfig()
	c.Endpoint, c.API, c.APIKey, c.Timeout, c.StallTimeout = endpoint, client.API(cfg.API), key, cfg.Timeout, cfg.StallTimeout
	s, err := session.Open(ctx, session.Config{
		Stage: "quick", Client: c, Temperature: cfg.Temperature, TopP: cfg.TopP, Seed: seedOf(record.NewID(time.Now())),
		Engine: engine.Config{Endpoint: endpoint, API: client.API(cfg.API), Model: cfg.Model, APIKey: key, Kind: engine.Kind(cfg.Engine), Timeout: cfg.Timeout},
	})
	if err != nil {
		return err
	}
	defer s.Close(record.EndComplete)
	describe(t, endpoint, s.Engine())
	length := quickContext
	if len(cfg.Contexts) > 0 {
		length = cfg.Contexts[0]
	}
	return quickRequests(ctx, t, s, length, cfg.MaxTokens)
}

func describe(t terminal, endpoint string, e *engine.Engine) {
	m := e.Model()
	fmt.Fprintf(t.out, "engine:  %s at %s\nmodel:   %s", e.Info().Name, endpoint, m.ID)
	if m.Quantization != "" {
		fmt.Fprintf(t.out, ", %s", m.Quantization)
	}
	if limit, ok := m.ContextLimit.Get(); ok {
		fmt.Fprintf(t.out, ", context limit %d tokens", limit)
	}
	fmt.Fprintln(t.out)
}

func quickRequests(ctx context.Context, t terminal, s *session.Session, length, maxTokens int) error {
	work := session.ContextWork(scenario.Cell{Benchmark: "Quick", Ctx: length, Users: 1}, maxTokens)
	failed := 0
	for range quickTrials {
		m, err := s.Trial(ctx, work)
		if err != nil {
			return err
		}
		r := m.Requests[0]
		fmt.Fprintf(t.out, "request %d: %s\n", m.Trial.Trial, quickLine(r))
		if r.Outcome != record.OK {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d requests failed", failed, quickTrials)
	}
	return nil
}

func quickLine(r record.Request) string {
	if r.Outcome != record.OK {
		return fmt.Sprintf("%s: %s", r.Outcome, r.Evidence)
	}
	f := metric.OfRequest(r)
	line := string(r.Outcome)
	for _, show := range []struct{ label, unit string }{
		{"TTFT", metric.TTFT}, {"decode", metric.Decode}, {"prefill", metric.Prefill},
		{"prompt tokens", metric.PromptTokens}, {"output tokens", metric.CompletionToks},
	} {
		if v, ok := f.Get(show.unit); ok {
			line += fmt.Sprintf("  %s %s", show.label, metric.Format(show.unit, v))
		}
	}
	if metric.Estimated(r) {
		line += " (tokens estimated from chunks: the server reports none)"
	}
	return line
}
