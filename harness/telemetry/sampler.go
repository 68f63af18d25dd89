package telemetry

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// Config says what to sample and how often.
type Config struct {
	Interval    time.Duration // from tick to tick, at least 50 ms; 0: 200 ms
	PID         int           // root of the server's process tree; 0: not known, no server figures
	OffloadPath string        // a path on the tier-3 device; "": none, no tier-3 figures
}

// MinInterval is the shortest interval: below it the cost of sampling would show
// in what is measured.
const MinInterval = 50 * time.Millisecond

// DefaultConfig samples each 200 ms and knows of no server and no tier-3 device.
func DefaultConfig() Config { return Config{Interval: 200 * time.Millisecond} }

// flushEvery bounds what a kill can cost: the last second of telemetry.
const flushEvery = time.Second

// Summary is what a sampler did.
type Summary struct {
	Ticks      int      `json:"ticks"`                 // rows sampled
	Missed     int      `json:"missed"`                // ticks whose time passed without a sample
	Sources    []string `json:"sources"`               // where figures come from or why they are absent, one line each
	WriteError string   `json:"write_error,omitempty"` // why rows were lost; "": none were
}

// Sampler samples the machine in a goroutine of its own.
type Sampler struct {
	interval time.Duration
	epoch    time.Time
	session  int
	probe    prober

	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once

	// Owned by the sampling goroutine until done is closed.
	summary Summary
	pending []byte // whole lines not yet handed on
	flushed time.Time

	chunks  chan []byte // whole lines to write
	written chan error  // first failure to write, once all is written
}

// prober fills a tick; it belongs to one goroutine but for watch.
type prober interface {
	fill(ctx context.Context, t *Tick)
	watch(pid int)
	sources() []string
}

// Start begins sampling: at once, and then each interval until Stop, or until ctx
// ends. Rows go to w; with header false they follow those of an earlier session
// of the same stage. epoch is the zero of the run's clock and has to carry a
// monotonic reading (time.Now of this process).
func Start(ctx context.Context, w io.Writer, epoch time.Time, session int, header bool, cfg Config) (*Sampler, error) {
	if cfg.Interval == 0 {
		cfg.Interval = DefaultConfig().Interval
	}
	if cfg.Interval < MinInterval {
		return nil, fmt.Errorf("telemetry interval %v: want at least %v", cfg.Interval, MinInterval)
	}
	if cfg.PID < 0 {
		return nil, fmt.Errorf("telemetry pid %d: want a process id, or 0 for none", cfg.PID)
	}
	return startSampler(ctx, w, epoch, session, header, cfg.Interval, newMachine(ctx, cfg))
}

func startSampler(ctx context.Context, w io.Writer, epoch time.Time, session int, header bool, interval time.Duration, p prober) (*Sampler, error) {
	first := []byte("\n\n") // ends a row torn by a kill and marks it as the last of its session
	if header {
		first = appendHeader(nil)
	}
	if _, err := w.Write(first); err != nil {
		return nil, fmt.Errorf("telemetry file: %w", err)
	}
	s := &Sampler{interval: interval, epoch: epoch, session: session, probe: p, done: make(chan struct{}),
		chunks: make(chan []byte, 1), written: make(chan error)}
	ctx, s.cancel = context.WithCancel(ctx)
	go s.run(ctx)
	go s.write(w)
	return s, nil
}

// Watch tells the sampler of the server's process after a restart.
func (s *Sampler) Watch(pid int) { s.probe.watch(pid) }

// Stop ends sampling, writes what is pending and returns what was done. It may be
// called again.
func (s *Sampler) Stop() Summary {
	s.once.Do(s.cancel)
	<-s.done
	return s.summary
}

func (s *Sampler) run(ctx context.Context) {
	defer close(s.done)
	defer s.finish()
	start := time.Now()
	s.flushed = start
	timer := time.NewTimer(0)
	defer timer.Stop()
	for tick := int64(0); ; {
		s.sample(ctx)
		if time.Since(s.flushed) >= flushEvery {
			s.flush()
		}
		next, missed, wait := nextTick(tick, time.Since(start), s.interval)
		s.summary.Missed += missed
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			_, late, _ := nextTick(next-1, time.Since(start), s.interval)
			s.summary.Missed += late
			return
		case <-timer.C:
			tick = next
		}
	}
}

func (s *Sampler) sample(ctx context.Context) {
	t := Tick{At: int64(time.Since(s.epoch)), Session: s.session}
	s.probe.fill(ctx, &t)
	s.summary.Ticks++
	s.pending = appendTick(s.pending, &t)
}

// flush hands the pending lines to the writer. While that is busy, say on a disk
// that swapping has clogged, they wait here: just then ticks matter most.
func (s *Sampler) flush() {
	select {
	case s.chunks <- s.pending:
		s.pending = make([]byte, 0, cap(s.pending))
		s.flushed = time.Now()
	default:
	}
}

func (s *Sampler) finish() {
	s.chunks <- s.pending
	close(s.chunks)
	if err := <-s.written; err != nil {
		s.summary.WriteError = err.Error()
	}
	s.summary.Sources = s.probe.sources()
}

// write writes whole lines in one call, so that a kill tears at most one. After a
// failure nothing more is written: how the file ends is then unknown.
func (s *Sampler) write(w io.Writer) {
	var failed error
	for lines := range s.chunks {
		if failed == nil && len(lines) > 0 {
			_, failed = w.Write(lines)
		}
	}
	s.written <- failed
}
