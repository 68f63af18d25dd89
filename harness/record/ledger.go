package record

import (
	"errors"
	"fmt"
)

// trialKey names a trial within a stage.
type trialKey struct {
	cell  string
	trial int
}

// ledger knows what a journal holds so far and refuses a line that contradicts it.
// Reader and writer ask the same ledger, so the journal can't write what it would
// later refuse to read.
//
// check and enter are apart because a line that was checked may still fail to reach
// the disk; only what did is entered.
type ledger struct {
	session  int              // number of the last session; 0: none has begun
	stage    string           // of all sessions
	ended    bool             // the last session has its end line
	requests map[trialKey]int // request lines of the last session, by trial
	finished map[trialKey]bool
	searched map[trialKey]bool // capacity searches, by cell and number
}

func newLedger() ledger {
	return ledger{requests: map[trialKey]int{}, finished: map[trialKey]bool{}, searched: map[trialKey]bool{}}
}

// check says why a line can't follow those entered so far.
func (l *ledger) check(line any) error {
	switch v := line.(type) {
	case *Session:
		return l.checkSession(v)
	case *Request:
		if err := l.checkCell(v.Session, v.Cell); err != nil {
			return err
		}
		return l.checkRequest(v)
	case *Trial:
		if err := l.checkCell(v.Session, v.Cell); err != nil {
			return err
		}
		return l.checkTrial(v)
	case *NotRun:
		return l.checkCell(v.Session, v.Cell)
	case *Note:
		return l.checkOpen(v.Session)
	case *Calibration:
		return l.checkOpen(v.Session)
	case *Capacity:
		if l.searched[trialKey{v.Cell, v.Search}] {
			return fmt.Errorf("search %d of %s stands twice", v.Search, v.Cell)
		}
		return l.checkCell(v.Session, v.Cell)
	case *End:
		switch v.Reason {
		case EndComplete, EndInterrupted, EndFailed, EndServerDead:
			return l.checkOpen(v.Session)
		}
		return fmt.Errorf("end of session %d: unknown reason %q", v.Session, v.Reason)
	}
	return fmt.Errorf("%T is no line of a journal", line)
}

func (l *ledger) checkSession(s *Session) error {
	switch {
	case s.Schema != SchemaVersion:
		return fmt.Errorf("schema version %d: this aibench reads version %d only", s.Schema, SchemaVersion)
	case s.Session != l.session+1:
		return fmt.Errorf("session %d follows session %d", s.Session, l.session)
	case s.Stage == "":
		return fmt.Errorf("session %d names no stage", s.Session)
	case l.stage != "" && s.Stage != l.stage:
		return fmt.Errorf("session %d is of stage %q, the journal of stage %q", s.Session, s.Stage, l.stage)
	}
	return nil
}

// checkOpen holds for all lines but a session's: they belong to the session that is
// running.
func (l *ledger) checkOpen(session int) error {
	switch {
	case l.session == 0:
		return errors.New("no session has begun")
	case session != l.session:
		return fmt.Errorf("line of session %d within session %d", session, l.session)
	case l.ended:
		return fmt.Errorf("session %d has ended", l.session)
	}
	return nil
}

func (l *ledger) checkCell(session int, cell string) error {
	if cell == "" {
		return errors.New("line names no cell")
	}
	return l.checkOpen(session)
}

func (l *ledger) checkRequest(r *Request) error {
	switch {
	case r.Trial < 0:
		return fmt.Errorf("request of trial %d of %s: trials count from 1, warm-ups are 0", r.Trial, r.Cell)
	case r.Trial > 0 && l.finished[trialKey{r.Cell, r.Trial}]:
		return fmt.Errorf("request of trial %d of %s, which has ended before", r.Trial, r.Cell)
	case len(r.Events.Arrive) != len(r.Events.Kind):
		return fmt.Errorf("events of request %d of trial %d of %s: %d instants, %d kinds",
			r.Index, r.Trial, r.Cell, len(r.Events.Arrive), len(r.Events.Kind))
	}
	return nil
}

func (l *ledger) checkTrial(t *Trial) error {
	k := trialKey{t.Cell, t.Trial}
	switch {
	case t.Trial < 1:
		return fmt.Errorf("trial %d of %s: trials count from 1", t.Trial, t.Cell)
	case l.finished[k]:
		return fmt.Errorf("trial %d of %s stands twice", t.Trial, t.Cell)
	case l.requests[k] == 0: // most likely the two name the cell differently
		return fmt.Errorf("trial %d of %s has no requests in session %d", t.Trial, t.Cell, t.Session)
	case t.Requests != l.requests[k]:
		return fmt.Errorf("trial %d of %s counts %d requests, %d stand before it", t.Trial, t.Cell, t.Requests, l.requests[k])
	case t.End < t.Start:
		return fmt.Errorf("trial %d of %s ends before it starts", t.Trial, t.Cell)
	}
	return nil
}

// enter takes a line that check has passed.
func (l *ledger) enter(line any) {
	switch v := line.(type) {
	case *Session:
		l.session, l.stage, l.ended = v.Session, v.Stage, false
		// What an earlier session left unfinished can't be finished any more.
		clear(l.requests)
	case *Request:
		l.requests[trialKey{v.Cell, v.Trial}]++
	case *Trial:
		l.finished[trialKey{v.Cell, v.Trial}] = true
	case *Capacity:
		l.searched[trialKey{v.Cell, v.Search}] = true
	case *End:
		l.ended = true
	}
}
