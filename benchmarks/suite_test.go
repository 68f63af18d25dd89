package benchmarks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"aibench/harness/capacity"
	"aibench/harness/client"
	"aibench/harness/config"
	"aibench/harness/engine"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/report"
	"aibench/harness/scenario"
	"aibench/harness/session"
	"aibench/harness/version"
	"aibench/mockserver"
)

// suite is one open session with what the benchmarks ask of it.
type suite struct {
	ctx      context.Context
	cfg      config.Config
	slo      capacity.Objectives // none: no goodput and no capacity
	stage    string
	options  options
	summary  io.Writer // for people, at the end
	session  *session.Session
	mock     *mockserver.Local // in this process; nil where there is an endpoint
	requests []record.Request  // counted ones, for the summary; their events are dropped
	searches map[string]int    // capacity searches done, by cell name
	unmet    string            // why no longer context is searched for capacity; "": none has failed
}

func openSuite(ctx context.Context, cfg config.Config, slo capacity.Objectives, o options, trials int) (*suite, error) {
	progress, summary, bar := forPeople()
	if o.parent {
		summary = io.Discard // aibench run prints that of all stages
	}
	s := &suite{ctx: ctx, cfg: cfg, slo: slo, searches: map[string]int{}, stage: o.stage, summary: summary, options: o}
	st, err := cfg.Stage(o.stage)
	if err != nil {
		return nil, err
	}
	endpoint := cmp.Or(o.target, st.Endpoint)
	if endpoint == "" {
		s.mock, err = mockserver.ServeLocal(cfg.MockProfile, mockserver.Options{Stage: o.stage, Faults: cfg.MockFaults})
		if err != nil {
			return nil, err
		}
		endpoint = s.mock.URL()
	}
	sc := sessionConfig(cfg, o, endpoint, trials)
	sc.Progress, sc.Terminal = progress, bar
	if o.runDir != "" {
		if sc.Dir, err = record.Open(filepath.Dir(o.runDir), filepath.Base(o.runDir)); err != nil {
			return nil, err
		}
	}
	if s.session, err = session.Open(ctx, sc); err != nil {
		return nil, errors.Join(err, s.stopMock())
	}
	return s, nil
}

func sessionConfig(cfg config.Config, o options, endpoint string, trials int) session.Config {
	key := os.Getenv(cfg.APIKeyEnv)
	most := rateCap // connections kept: a trial must not dial what an earlier one has dialled
	for _, u := range concurrency(cfg) {
		most = max(most, u)
	}
	c := client.DefaultConfig()
	c.Endpoint, c.API, c.APIKey = endpoint, client.API(cfg.API), key
	c.Timeout, c.StallTimeout, c.MaxConns, c.KeepText = cfg.Timeout, cfg.StallTimeout, most, cfg.KeepText
	seed := cfg.Seed
	if seed == 0 {
		seed = fallbackSeed(o.runDir)
	}
	salt := ""
	if cfg.Salt != "run" {
		salt = o.stage
	}
	return session.Config{
		Stage: o.stage, Version: version.String(),
		Engine: engine.Config{Endpoint: endpoint, API: client.API(cfg.API), Model: cfg.Model, APIKey: key, Kind: engine.Kind(cfg.Engine), Timeout: cfg.Timeout},
		Client: c,
		Trials: trials, Warmup: cfg.Warmup, Temperature: cfg.Temperature, TopP: cfg.TopP,
		Seed: seed, Salt: salt, SLO: cfg.SLO, Continue: cfg.OnFailure == "continue",
		Clock: o.clock, ClockUsers: cfg.Users,
		ServerState: o.serverState, SampleInterval: cfg.SampleInterval,
	}
}

// fallbackSeed differs from run to run where nobody gave a seed: a cache on disk may
// remember yesterday's prompts.
func fallbackSeed(runDir string) uint64 {
	h := fnv.New64a()
	if runDir == "" {
		fmt.Fprint(h, time.Now().UnixNano())
	} else {
		fmt.Fprint(h, filepath.Base(runDir))
	}
	return h.Sum64()
}

// stopMock ends the mock in this process, if there is one.
func (s *suite) stopMock() error {
	if s.mock == nil {
		return nil
	}
	return s.mock.Close()
}

// printHead prints what benchstat reads before the first line: units, and the facts
// that tell whether two files may be compared.
func (s *suite) printHead(w io.Writer) error {
	return metric.WriteFile(w, report.Facts(s.session.Begun()), nil)
}

// skipEnded ends a benchmark whose sweep has come to its end.
func (s *suite) skipEnded(b *testing.B, c scenario.Cell) {
	reason, ended := s.session.Ended(c)
	if !ended {
		return
	}
	if err := s.session.NotRun(c, reason); err != nil {
		b.Fatal(err)
	}
	if s.session.Dead() {
		b.Fatal(reason) // a skipped repetition would still print a line of zeros
	}
	b.Skip(reason)
}

// measure runs one cell of a benchmark: an iteration is a trial.
func (s *suite) measure(b *testing.B, w session.Work) {
	s.skipEnded(b, w.Cell)
	var line session.Measured
	for b.Loop() {
		m, err := s.session.Trial(s.ctx, w)
		s.check(b, w.Cell, err)
		line.Trial.End += m.Trial.End - m.Trial.Start
		line.Trial.Requests += m.Trial.Requests
		line.Requests = append(line.Requests, m.Requests...)
	}
	metric.Report(b, metric.OfTrial(line.Trial, line.Requests, s.slo.Values(line.Trial, line.Requests)...))
	s.summarise(line.Requests)
}

// check ends the benchmark, or the process, where there is no trial. (It is apart from
// the loop because go1.26.8 can't compile a switch with an empty case within b.Loop.)
func (s *suite) check(b *testing.B, c scenario.Cell, err error) {
	switch {
	case err == nil:
	case errors.Is(err, session.ErrInterrupted):
		s.interrupt(err)
	case errors.Is(err, session.ErrNoPrompt) && s.session.Trials(c) == 0:
		b.Skip(err)
	case errors.Is(err, session.ErrNoPrompt), s.session.Dead():
		b.Fatal(err)
	default:
		s.fail(err)
	}
}

// summarise keeps what the summary at the end needs.
func (s *suite) summarise(rs []record.Request) {
	for _, r := range rs {
		r.Events = record.Events{}
		s.requests = append(s.requests, r)
	}
}

// interrupt keeps what was measured and ends the process: package testing can't be
// told to stop.
func (s *suite) interrupt(cause error) {
	fmt.Println() // ends the line that testing has begun
	err := errors.Join(s.session.Close(record.EndInterrupted), s.stopMock())
	report.WriteSummary(s.summary, s.stage, s.requests)
	fmt.Fprintln(os.Stderr, "aibench suite:", errors.Join(cause, err))
	os.Exit(130)
}

// fail ends the process on an error of our own, such as a full disk: what comes after a
// journal that can't be written would be lost.
func (s *suite) fail(cause error) {
	fmt.Println()
	err := errors.Join(s.session.Fail(cause), s.stopMock())
	report.WriteSummary(s.summary, s.stage, s.requests)
	os.Exit(s.options.fail(errors.Join(cause, err)))
}

func (s *suite) close() error {
	err := errors.Join(s.session.Close(record.EndComplete), s.stopMock())
	return errors.Join(err, report.WriteSummary(s.summary, s.stage, s.requests))
}
