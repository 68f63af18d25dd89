// Package calibrate measures how wrong the stopwatch is.
//
//  1. Start a server of known timing on this machine, as a process of its own: the
//     mock engine with profile steady and -stamp-text, whose tokens are the instants
//     at which it wrote them.
//  2. [Run] sends it the requests of one load after the other with the very client that
//     will measure, and compares each arrival with the instant in its text. Of a load of
//     the run the quietest of three times counts.
//  3. The result is a [record.Calibration]: the error of TTFT, of each arrival and of
//     each gap, the client's share of the CPU, and the load at which the client itself
//     becomes the limit. [Write] shows it; package verdict makes cells INVALID by it.
//
// Server and client read one clock, that of the machine, so no synchronisation is
// guessed. What the error contains is everything from the server's write to our stamp:
// the loopback interface, the kernel, and, with user stamps, the scheduler.
package calibrate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"aibench/harness/client"
	"aibench/harness/load"
	"aibench/harness/record"
	"aibench/harness/stats"
)

// Config is one calibration.
type Config struct {
	Client client.Config // as in the run; its Endpoint is the stamping server
	Users  []int         // loads of the run
	Tokens int           // output of each request
	Most   int           // the limit is searched up to this many users
}

// DefaultConfig takes about 6 s: 16 tokens a request, 10 ms apart.
func DefaultConfig() Config {
	return Config{Client: client.DefaultConfig(), Users: []int{1}, Tokens: 16, Most: 256}
}

// fewest is the least number of requests of a load: so many samples of TTFT.
const fewest = 6

// Run measures the error at one user, at the loads of the run, and at the powers of two
// above, until the client is the limit or Most is reached.
func Run(ctx context.Context, cfg Config) (record.Calibration, error) {
	var c record.Calibration
	loads := append([]int{1}, cfg.Users...)
	slices.Sort(loads)
	loads = slices.Compact(loads)
	for _, users := range loads {
		l, err := quietest(ctx, cfg, users)
		if err != nil {
			return c, err
		}
		c.Levels = append(c.Levels, l)
	}
	c.TriedUsers = loads[len(loads)-1]
	for users := nextPower(c.TriedUsers); users <= cfg.Most; users *= 2 {
		l, err := level(ctx, cfg, users)
		if err != nil {
			return c, err
		}
		c.Levels, c.TriedUsers = append(c.Levels, l), users
		if limited(l) {
			c.LimitUsers = record.Some(users)
			break
		}
	}
	return c, nil
}

func nextPower(n int) int {
	p := 1
	for p <= n {
		p *= 2
	}
	return p
}

// gap is the server's own: profile steady writes a token each 10 ms.
const gap = 10 * time.Millisecond

// limited tells whether the client spoils what it measures at this load: a request
// failed, half the gaps are off by more than 5 %, or the client had more than 80 % of
// the machine for itself.
func limited(l record.CalibrationLevel) bool {
	return l.Failed > 0 || l.Gap.P50 > gap.Nanoseconds()/20 || l.CPUShare.Or(0) > 0.8
}

// repeats of a load of the run: what else the machine does for a moment is no error of
// the client's.
const repeats = 3

// quietest measures a load several times and takes the time with the least error.
func quietest(ctx context.Context, cfg Config, users int) (best record.CalibrationLevel, err error) {
	for i := range repeats {
		l, err := level(ctx, cfg, users)
		if err != nil {
			return l, err
		}
		if i == 0 || l.Failed < best.Failed || l.Failed == best.Failed && l.Gap.P50 < best.Gap.P50 {
			best = l
		}
	}
	return best, nil
}

// level measures one load. Its clock is anchored anew, so that a slewing wall clock has
// a second to go wrong and not a night.
func level(ctx context.Context, cfg Config, users int) (record.CalibrationLevel, error) {
	epoch := time.Now()
	cc := cfg.Client
	cc.KeepText, cc.MaxConns = true, users
	c, err := client.New(cc, epoch)
	if err != nil {
		return record.CalibrationLevel{}, fmt.Errorf("calibration: %w", err)
	}
	defer c.Close()
	n := max(fewest, users)
	rs := make([]record.Request, n)
	cpu, begin := cpuTime(), time.Now()
	load.Closed(ctx, users, n, func(ctx context.Context, s load.Slot) {
		r := &rs[s.Index]
		r.Intended = record.Some(s.Intended.Sub(epoch).Nanoseconds())
		c.Do(ctx, client.Ask{Prompt: "calibrate", MaxTokens: cfg.Tokens}, r)
	})
	wall := time.Since(begin)
	if err := ctx.Err(); err != nil {
		return record.CalibrationLevel{}, fmt.Errorf("calibration: %w", context.Cause(ctx))
	}
	l := evaluate(rs, epoch.UnixNano())
	l.Users, l.EventsRate = users, float64(l.Events)/wall.Seconds()
	l.CPUShare = share(cpu, cpuTime(), wall)
	if l.Requests == 0 {
		return l, fmt.Errorf("calibration with %d users: no request was ok: %s", users, why(rs))
	}
	return l, nil
}

func why(rs []record.Request) string {
	for _, r := range rs {
		if r.Failure != nil {
			return string(r.Failure.Kind) + ": " + r.Failure.Message
		}
	}
	return "no text of instants: is the server the mock with -stamp-text?"
}

// evaluate compares arrivals with the instants in the texts. epoch is the wall clock at
// the zero of the records' instants, in ns.
func evaluate(rs []record.Request, epoch int64) record.CalibrationLevel {
	var l record.CalibrationLevel
	var arrival, first, gaps, queue []float64
	stamps := map[string]bool{}
	for i := range rs {
		r := &rs[i]
		late, ok := lateness(r, epoch)
		if !ok {
			l.Failed++
			continue
		}
		l.Requests++
		l.Events += len(late)
		stamps[r.Stamp] = true
		first = append(first, late[0])
		arrival = append(arrival, late...)
		for k := 1; k < len(late); k++ {
			gaps = append(gaps, max(late[k]-late[k-1], late[k-1]-late[k]))
		}
		if q, ok := r.Queue().Get(); ok {
			queue = append(queue, float64(q))
		}
	}
	l.Arrival, l.First, l.Gap, l.Queue = spread(arrival), spread(first), spread(gaps), spread(queue)
	for s := range stamps {
		if l.Stamp = s; len(stamps) > 1 {
			l.Stamp = "mixed"
		}
	}
	return l
}

// lateness gives arrival minus write of each event with text, in ns. It is false for a
// request that failed, or whose text is not one instant an event.
func lateness(r *record.Request, epoch int64) ([]float64, bool) {
	start, ok := r.Start.Get()
	wrote := strings.Fields(r.Text)
	if !ok || r.Failure != nil || r.FinishReason == "" || len(wrote) == 0 {
		return nil, false
	}
	var late []float64
	for k, kind := range r.Events.Kind {
		if kind != record.EventText {
			continue
		}
		if len(late) >= len(wrote) {
			return nil, false
		}
		ns, err := strconv.ParseInt(wrote[len(late)], 10, 64)
		if err != nil {
			return nil, false
		}
		late = append(late, float64(epoch+start+r.Events.Arrive[k]-ns))
	}
	return late, len(late) == len(wrote)
}

func spread(xs []float64) record.Spread {
	if len(xs) == 0 {
		return record.Spread{}
	}
	at := func(p float64) int64 { return int64(stats.Percentile(xs, p)) }
	return record.Spread{P50: at(50), P90: at(90), P99: at(99), Max: int64(stats.Max(xs))}
}
