package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"aibench/harness/calibrate"
	"aibench/harness/client"
	"aibench/harness/record"
	"aibench/harness/stage"
	"aibench/harness/telemetry"
)

// openRecords opens the stage's journal and telemetry file in the run directory and
// leaves the facts of the machine and the server beside them.
func (s *Session) openRecords(ctx context.Context) error {
	var err error
	if s.journal, s.earlier, err = openJournal(ctx, s.cfg.Dir.Journal(s.cfg.Stage)); err != nil {
		return err
	}
	if err := s.sameServer(); err != nil {
		return err
	}
	if s.begun, err = s.journal.Begin(s.begun); err != nil {
		return err
	}
	s.number = s.begun.Session
	if err := s.writeMetadata(ctx); err != nil {
		return err
	}
	if err := s.calibrate(ctx); err != nil {
		return err
	}
	return s.startTelemetry(ctx)
}

// sameServer refuses to join trials of different servers or models in one stage.
func (s *Session) sameServer() error {
	n := len(s.earlier.Sessions)
	if n == 0 || len(s.earlier.Trials) == 0 {
		return nil
	}
	was, is := s.earlier.Sessions[n-1], s.begun
	if was.Engine == is.Engine && was.Model == is.Model && was.Quant == is.Quant {
		return nil
	}
	return fmt.Errorf("stage %s has trials of %s on %s, and now %s on %s answers: they can't be joined; start a new run",
		s.cfg.Stage, named(was), was.Engine, named(is), is.Engine)
}

func named(s record.Session) string { return strings.TrimSpace(s.Model + " " + s.Quant) }

// calibrate measures the client's own error, before telemetry and trials begin. A clock
// that can't be had is said in the journal; the run goes on without a certificate.
func (s *Session) calibrate(ctx context.Context) error {
	if s.cfg.Clock == "" {
		return nil
	}
	cc := calibrate.DefaultConfig()
	cc.Client, cc.Users = s.cfg.Client, s.cfg.ClockUsers
	cc.Client.Endpoint, cc.Client.API, cc.Client.APIKey, cc.Client.Model = s.cfg.Clock, client.Completions, "", ""
	c, err := calibrate.Run(ctx, cc)
	switch {
	case ctx.Err() != nil:
		return ErrInterrupted
	case err != nil:
		return s.note(err.Error())
	}
	if err := s.journal.Calibration(c); err != nil {
		return err
	}
	return calibrate.Write(s.show.w, c)
}

// inUseWait is how long a resumed run waits for the journal: the session of a killed
// run notices its parent's death by itself, but not at once.
const inUseWait = 5 * time.Second

func openJournal(ctx context.Context, path string) (*record.Journal, *record.Log, error) {
	for deadline := time.Now().Add(inUseWait); ; {
		j, log, err := record.OpenJournal(path)
		if !errors.Is(err, record.ErrInUse) || time.Now().After(deadline) {
			return j, log, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ErrInterrupted
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// startTelemetry appends to the stage's metrics file: a resumed stage has one file.
func (s *Session) startTelemetry(ctx context.Context) error {
	if s.cfg.SampleInterval == 0 {
		return nil
	}
	f, err := os.OpenFile(s.cfg.Dir.Metrics(s.cfg.Stage), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	s.metrics = f
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	pid := 0
	if s.cfg.ServerState != "" {
		if state, err := stage.ReadState(s.cfg.ServerState); err == nil && state.Running {
			pid = state.PID
		}
	}
	s.sampler, err = telemetry.Start(ctx, f, s.epoch, s.number, st.Size() == 0,
		telemetry.Config{Interval: s.cfg.SampleInterval, PID: pid})
	return err
}

// Close ends the session and says in the journal how. reason is one of record's End
// reasons; a dead server overrides EndComplete.
func (s *Session) Close(reason string) error {
	detail := ""
	switch missing := s.missing(); {
	case reason != record.EndComplete:
	case s.dead != "":
		reason, detail = record.EndServerDead, s.dead
	case missing != "":
		reason, detail = record.EndFailed, missing
	}
	s.show.end()
	errs := []error{s.stopTelemetry()}
	if s.journal != nil {
		errs = append(errs, s.journal.End(record.End{Type: "end", Session: s.number, Reason: reason, Detail: detail}))
	}
	return errors.Join(append(errs, s.release())...)
}

// Fail ends the session because of an error of our own: what was measured is kept, and
// the stage can be continued.
func (s *Session) Fail(cause error) error {
	s.show.end()
	errs := []error{s.stopTelemetry()}
	if s.journal != nil {
		errs = append(errs, s.journal.End(record.End{Type: "end", Session: s.number, Reason: record.EndFailed, Detail: oneLine(cause)}))
	}
	return errors.Join(append(errs, s.release())...)
}

// missing says what of the plan was neither measured nor recorded as not run, and
// whether anything was measured at all; "" where all is well.
func (s *Session) missing() string {
	measured := 0
	for _, t := range s.cells {
		measured += t.trials
	}
	for _, c := range s.planned {
		if t := s.tally(c); t.trials < s.cfg.Trials && !t.skipped {
			return fmt.Sprintf("%s has %d of %d trials", c.SubName(), t.trials, s.cfg.Trials)
		}
	}
	if measured == 0 && s.cfg.Dir != nil {
		for _, t := range s.cells {
			if t.reason != "" {
				return "nothing was measured: " + t.reason
			}
		}
		return "nothing was measured: no benchmark was selected"
	}
	return ""
}

// stopTelemetry ends the sampler and notes what it missed.
func (s *Session) stopTelemetry() error {
	if s.sampler == nil {
		return nil
	}
	summary := s.sampler.Stop()
	s.sampler = nil
	var errs []error
	if summary.Missed > 0 {
		errs = append(errs, s.note(fmt.Sprintf("telemetry missed %d of %d ticks", summary.Missed, summary.Missed+summary.Ticks)))
	}
	if summary.WriteError != "" {
		errs = append(errs, s.note("telemetry lost rows: "+summary.WriteError))
	}
	return errors.Join(errs...)
}

// note keeps a remark that a reader of the figures must see.
func (s *Session) note(text string) error {
	if s.journal == nil {
		fmt.Fprintln(s.show.w, "note:", text)
		return nil
	}
	return s.journal.Note(record.Note{Type: "note", Session: s.number, Text: text})
}

// release frees what was opened, in any state.
func (s *Session) release() error {
	var errs []error
	if s.sampler != nil {
		s.sampler.Stop()
	}
	if s.metrics != nil {
		errs = append(errs, s.metrics.Close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.client != nil {
		s.client.Close()
	}
	return errors.Join(errs...)
}
