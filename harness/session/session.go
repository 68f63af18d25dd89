package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"aibench/harness/client"
	"aibench/harness/engine"
	"aibench/harness/load"
	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/harness/telemetry"
	"aibench/harness/verdict"
)

// ErrInterrupted ends a session that was told to stop. What was measured is kept;
// the trial in flight is not counted.
var ErrInterrupted = errors.New("interrupted")

// Work is what one cell asks.
type Work struct {
	Cell       scenario.Cell
	MaxTokens  int                                                                    // output tokens, at most
	FullLength bool                                                                   // exactly MaxTokens: pinned where the engine can, and fewer are a failure (short_output)
	Reuse      string                                                                 // see record.Request.Reuse
	Open       *OpenLoop                                                              // an open loop at the cell's rate; nil: a closed loop of the cell's users
	Prompt     func(context.Context, *Session, scenario.Key) (scenario.Prompt, error) // makes each request's prompt
}

// ContextWork asks prompts of exactly the cell's length, each with a beginning of
// its own, and wants the full output.
func ContextWork(c scenario.Cell, maxTokens int) Work {
	return Work{Cell: c, MaxTokens: maxTokens, FullLength: true,
		Prompt: func(ctx context.Context, s *Session, k scenario.Key) (scenario.Prompt, error) {
			b, err := s.builder(ctx)
			if err != nil {
				return scenario.Prompt{}, err
			}
			return b.Prompt(ctx, c.Ctx, k)
		}}
}

// Session measures cells until it is closed. It is used by one goroutine.
type Session struct {
	cfg      Config
	epoch    time.Time
	engine   *engine.Engine
	client   *client.Client
	prompts  *scenario.Builder
	begun    record.Session  // what answers
	number   int             // of this session in the journal, from 1; 0 when nothing is kept
	measured bool            // a trial of this session's own is in the journal
	journal  *record.Journal // nil when nothing is kept
	earlier  *record.Log     // what the journal held before this session
	sampler  *telemetry.Sampler
	metrics  *os.File
	show     *progress

	cells   map[string]*tally // by cell name
	planned []scenario.Cell
	suspect bool   // a request of the last trial failed: look for the server before the next
	dead    string // how the server died; "": it lives
}

// Open makes a session ready to measure. The caller closes it.
func Open(ctx context.Context, cfg Config) (_ *Session, err error) {
	s := &Session{cfg: cfg, epoch: time.Now(), earlier: &record.Log{}, show: newProgress(cfg),
		cells: map[string]*tally{}}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.engine, err = engine.Discover(ctx, cfg.Engine); err != nil {
		return nil, err
	}
	if err = s.loadModel(ctx); err != nil {
		return nil, err
	}
	info, model := s.engine.Info(), s.engine.Model()
	s.begun = record.Session{Stage: cfg.Stage, Epoch: s.epoch, PID: os.Getpid(), Version: cfg.Version,
		Engine: info.Name, Model: model.ID, Quant: model.Quantization, Simulated: info.Simulated, SLO: cfg.SLO}
	cfg.Client.Model = model.ID
	if s.client, err = client.New(cfg.Client, s.epoch); err != nil {
		return nil, err
	}
	if cfg.Dir == nil {
		return s, nil
	}
	if err := s.openRecords(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// loadModel brings the model into memory where the server waits to be told: the time
// that takes is part of no TTFT.
func (s *Session) loadModel(ctx context.Context) error {
	onDemand := s.engine.Info().Kind == engine.Ollama || s.engine.Info().Kind == engine.Rockchip
	if !onDemand || s.engine.Model().Loaded {
		return nil
	}
	fmt.Fprintf(s.show.w, "loading model %s\n", s.engine.Model().ID)
	return s.engine.Load(ctx, "")
}

// Engine is the server under test.
func (s *Session) Engine() *engine.Engine { return s.engine }

// Dead tells whether the server is gone.
func (s *Session) Dead() bool { return s.dead != "" }

// Begun is the session as its journal line tells it.
func (s *Session) Begun() record.Session { return s.begun }

// builder learns to count the server's tokens when the first prompt needs it.
func (s *Session) builder(ctx context.Context) (*scenario.Builder, error) {
	if s.prompts != nil {
		return s.prompts, nil
	}
	counter, err := s.engine.Counter(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting tokens: %w", err)
	}
	for _, n := range s.engine.Notes() {
		if err := s.note(n); err != nil {
			return nil, err
		}
	}
	s.prompts, err = scenario.NewBuilder(ctx, counter)
	return s.prompts, err
}

// Measured is a trial with its requests.
type Measured struct {
	record.TrialData
	Replayed bool // it stood in the journal already
}

// Trial measures the cell's next trial, or gives back the one that the journal
// holds. It returns ErrInterrupted when ctx ended, and an error that says how when
// the server is dead.
func (s *Session) Trial(ctx context.Context, w Work) (Measured, error) {
	t := s.tally(w.Cell)
	n := t.trials + 1
	if done := s.earlier.Finished(w.Cell.Name()); len(done) >= n {
		return s.observe(t, Measured{done[n-1], true}), nil
	}
	if s.suspect && s.dead == "" {
		s.findServer(ctx)
	}
	if s.dead != "" {
		return Measured{}, s.gone(t)
	}
	if !t.warm {
		t.warm = true
		if m, died, err := s.warmUp(ctx, w, n); err != nil {
			return Measured{}, s.failed(ctx, t, err)
		} else if died {
			return s.observe(t, m), nil
		}
	}
	s.show.working(w.Cell, "trial "+s.show.ordinal(w.Cell, n))
	b, err := s.requests(ctx, w, n, w.Cell.PerTrial())
	if err != nil {
		return Measured{}, s.failed(ctx, t, err)
	}
	m := s.measurement(w.Cell, n, b)
	if err := errors.Join(s.write(b.leadIn, nil), s.write(b.requests, &m.Trial), s.noteHeld(w, m.Trial, b)); err != nil {
		return Measured{}, err
	}
	s.checkServer(ctx, b)
	s.suspect = slices.ContainsFunc(b.requests, func(r record.Request) bool { return r.Outcome != record.OK })
	return s.observe(t, m), nil
}

func (s *Session) measurement(c scenario.Cell, trial int, b batch) Measured {
	return Measured{TrialData: record.TrialData{Requests: b.requests, Trial: record.Trial{Type: "trial", Session: s.number,
		Cell: c.Name(), Trial: trial, Start: b.start, End: b.end, Procs: runtime.GOMAXPROCS(0), Requests: len(b.requests)}}}
}

// warmUp sends a cell's warm-ups before the first trial that this session measures.
// They are kept in the journal, and no figure counts them, unless the server died of
// them: there will be no other trial to show how the cell ends, so they are it.
func (s *Session) warmUp(ctx context.Context, w Work, n int) (m Measured, died bool, err error) {
	if s.cfg.Warmup == 0 || w.Open != nil {
		return m, false, nil // an open loop leads in by itself
	}
	s.show.working(w.Cell, "warm-up")
	// At least one for each user: their connections are made now, not within a TTFT.
	b, err := s.requests(ctx, w, 0, max(s.cfg.Warmup, w.Cell.Users))
	if err != nil {
		return m, false, err
	}
	if s.checkServer(ctx, b); s.dead == "" {
		return m, false, s.write(b.requests, nil)
	}
	for i := range b.requests {
		b.requests[i].Trial = n
	}
	m = s.measurement(w.Cell, n, b)
	return m, true, s.write(b.requests, &m.Trial)
}

// batch is what one loop has brought: a trial, or the warm-ups of a cell.
type batch struct {
	leadIn     []record.Request // of an open loop, before those that count
	requests   []record.Request
	start, end int64          // ns since the session's epoch
	held       int            // of requests: started late because the cap was reached
	server     verdict.Server // what was known of its process afterwards
}

// requests runs n requests of trial number trial (0: warm-up) and classifies them,
// after the requests that an open loop leads in with. Prompts are made before the
// first start. The error is a promptError where they could not be made.
func (s *Session) requests(ctx context.Context, w Work, trial, n int) (batch, error) {
	lead := w.leadIn()
	asks := make([]client.Ask, lead+n)
	rs := make([]record.Request, lead+n)
	for i := range rs {
		// The prompts that count depend on nothing that leads in to them.
		of, index := trial, i-lead
		k := s.key(w.Cell, trial, index)
		if i < lead {
			of, index = 0, i
			k = s.key(w.Cell, trial, n+i)
		}
		p, err := w.Prompt(ctx, s, k)
		if err != nil {
			return batch{}, promptError{err}
		}
		asks[i] = s.ask(p, w, k)
		rs[i] = record.Request{Type: "request", Session: s.number, Cell: w.Cell.Name(), Trial: of, Index: index,
			PromptWanted: p.Wanted, PromptSent: p.Tokens, PromptSource: p.Source, Prompt: p.ID, Reuse: w.Reuse}
	}
	b := batch{leadIn: rs[:lead], requests: rs[lead:], start: time.Since(s.epoch).Nanoseconds()}
	err := s.drive(ctx, w, trial, &b, func(ctx context.Context, slot load.Slot) {
		r := &rs[slot.Index]
		r.User = slot.User
		r.Intended = record.Some(slot.Intended.Sub(s.epoch).Nanoseconds())
		s.client.Do(ctx, asks[slot.Index], r)
		// A full length is demanded of engines too that can't be made to give it.
		r.OutputPinned = w.FullLength
	})
	if err != nil {
		return batch{}, err
	}
	b.end = time.Since(s.epoch).Nanoseconds()
	if ctx.Err() != nil {
		b.leadIn, b.requests = started(b.leadIn), started(b.requests)
	}
	b.classify(s.serverAfter(ctx, slices.Concat(b.leadIn, b.requests)))
	if ctx.Err() != nil {
		return batch{}, errors.Join(ErrInterrupted, s.write(b.leadIn, nil), s.write(b.requests, nil))
	}
	return b, nil
}

func (b *batch) classify(server verdict.Server) {
	b.server = server
	for _, rs := range [][]record.Request{b.leadIn, b.requests} {
		for i := range rs {
			rs[i].Outcome, rs[i].Evidence = verdict.Classify(&rs[i], server)
		}
	}
}

// promptError is a failure before any request of the trial was sent.
type promptError struct{ error }

func (e promptError) Unwrap() error { return e.error }

// failed says why there is no trial: we were told to stop, or the server that counts
// the tokens of the prompts is gone, or what err says.
func (s *Session) failed(ctx context.Context, t *tally, err error) error {
	if !errors.As(err, new(promptError)) {
		return err
	}
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	if s.findServer(ctx); s.dead != "" {
		return s.gone(t)
	}
	// The server lives and the prompt can't be had: this cell can't, others may.
	return errors.Join(ErrNoPrompt, err, s.NotRun(t.cell, "no prompt: "+oneLine(err)))
}

// ErrNoPrompt is an error of one cell: its prompts can't be made. The journal says so.
var ErrNoPrompt = errors.New("no prompt")

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// gone is the error of a cell that a dead server can't serve. The journal has the
// reason, of a cell that is cut short as of one without any trial.
func (s *Session) gone(t *tally) error {
	reason := "server is dead: " + s.dead
	return errors.Join(errors.New(reason), s.NotRun(t.cell, reason))
}

// key names a prompt. Warm-ups have prompts of their own in every session. So has
// the first trial after a resume: the killed session may have sent that trial's
// prompts already, and a server that lived on would find them in its cache.
func (s *Session) key(c scenario.Cell, trial, index int) scenario.Key {
	k := scenario.Key{Seed: s.cfg.Seed, Salt: s.cfg.Salt, Cell: c.Name(), Trial: trial, Request: index}
	if s.number > 1 && (trial == 0 || !s.measured) {
		k.Salt = fmt.Sprintf("%s session %d", k.Salt, s.number)
	}
	return k
}

// started leaves out the requests that an interrupted loop never handed out.
func started(rs []record.Request) []record.Request {
	return slices.DeleteFunc(rs, func(r record.Request) bool { return !r.Start.Has() })
}

func (s *Session) ask(p scenario.Prompt, w Work, k scenario.Key) client.Ask {
	a := client.Ask{Prompt: p.Text, MaxTokens: w.MaxTokens}
	if w.FullLength {
		a = s.engine.Ask(p.Text, w.MaxTokens) // which makes the engine go on to the end
	}
	a.Temperature, a.TopP = s.cfg.Temperature, s.cfg.TopP
	seed := s.cfg.Seed + uint64(k.Request)
	a.Seed = &seed
	return a
}

// write puts requests into the journal, and after them the line of their trial: it
// is the proof that all of it is there. Without a trial they count nowhere.
func (s *Session) write(rs []record.Request, t *record.Trial) error {
	if s.journal == nil {
		return nil
	}
	for i := range rs {
		if err := s.journal.Request(&rs[i]); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	s.measured = true
	return s.journal.Trial(*t)
}
