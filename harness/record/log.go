package record

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
)

// Log is what a journal holds, each kind of line in the journal's order.
type Log struct {
	Sessions     []Session
	Requests     []Request // all, also warm-ups and those of trials that never ended
	Trials       []Trial
	NotRun       []NotRun
	Calibrations []Calibration
	Capacities   []Capacity
	Notes        []Note
	Ends         []End

	// Torn is the length in bytes of the torn last line that was left out; 0: the
	// journal ends with a whole line.
	Torn int

	cells []string // in order of first appearance over all kinds of lines
}

// TrialData is a finished trial with its requests in order of their index.
type TrialData struct {
	Trial    Trial
	Requests []Request
}

// ReadLogFile reads the journal at path; see [ReadLog].
func ReadLogFile(path string) (*Log, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("journal %s: open: %w", path, cause(err))
	}
	defer f.Close()
	return ReadLog(f, path)
}

// ReadLog reads a journal, which may still be growing. A torn last line is left out
// and counted in Log.Torn; any other line that can't be read, or contradicts those
// before it (a trial that stands twice), is an error. name is the file's name in
// errors.
func ReadLog(r io.Reader, name string) (*Log, error) {
	rd := newLogReader(name)
	if err := rd.read(r); err != nil {
		return nil, err
	}
	return &rd.log, nil
}

// logReader gathers a Log, and what the writer needs to go on after it.
type logReader struct {
	name   string
	log    Log
	ledger ledger
	size   int64 // bytes of whole lines
	known  map[string]bool
}

func newLogReader(name string) *logReader {
	return &logReader{name: name, ledger: newLedger(), known: map[string]bool{}}
}

func (rd *logReader) read(r io.Reader) error {
	lines := lineReader{r: r, max: MaxLine}
	for n := 1; ; n++ {
		line, err := lines.next()
		if err == io.EOF {
			rd.log.Torn = len(line)
			return nil
		}
		if err == nil {
			err = rd.line(line)
		}
		if err != nil {
			return fmt.Errorf("journal %s:%d: %w", rd.name, n, err)
		}
		rd.size += int64(len(line)) + 1
	}
}

// line takes one whole line.
func (rd *logReader) line(b []byte) error {
	v, err := decode(b)
	if err != nil {
		return err
	}
	if err := rd.ledger.check(v); err != nil {
		return err
	}
	rd.ledger.enter(v)
	rd.keep(v)
	return nil
}

func (rd *logReader) keep(line any) {
	l := &rd.log
	switch v := line.(type) {
	case *Session:
		l.Sessions = append(l.Sessions, *v)
	case *Request:
		l.Requests = append(l.Requests, *v)
		rd.sawCell(v.Cell)
	case *Trial:
		l.Trials = append(l.Trials, *v)
		rd.sawCell(v.Cell)
	case *NotRun:
		l.NotRun = append(l.NotRun, *v)
		rd.sawCell(v.Cell)
	case *Calibration:
		l.Calibrations = append(l.Calibrations, *v)
	case *Capacity:
		l.Capacities = append(l.Capacities, *v)
		rd.sawCell(v.Cell)
	case *Note:
		l.Notes = append(l.Notes, *v)
	case *End:
		l.Ends = append(l.Ends, *v)
	}
}

func (rd *logReader) sawCell(cell string) {
	if !rd.known[cell] {
		rd.known[cell] = true
		rd.log.cells = append(rd.log.cells, cell)
	}
}

// Cells returns the names of all cells in order of first appearance, also of those
// that were not run. In a Log that was not read from a journal, cells with requests
// come first, then those with trials only, then capacity searches, then those not run.
func (l *Log) Cells() []string {
	if l.cells != nil {
		return slices.Clone(l.cells)
	}
	rd := newLogReader("")
	for i := range l.Requests {
		rd.sawCell(l.Requests[i].Cell)
	}
	for _, t := range l.Trials {
		rd.sawCell(t.Cell)
	}
	for _, c := range l.Capacities {
		rd.sawCell(c.Cell)
	}
	for _, n := range l.NotRun {
		rd.sawCell(n.Cell)
	}
	return rd.log.cells
}

// sessionTrial tells the trial that ended from an earlier attempt at it, whose
// requests stand in the journal under an earlier session.
type sessionTrial struct{ session, trial int }

// Finished returns the trials of a cell that have ended, in the journal's order, each
// once. Requests of an attempt that was killed are not among theirs; see Orphans.
func (l *Log) Finished(cell string) []TrialData {
	var out []TrialData
	at := map[sessionTrial]int{}
	for _, t := range l.Trials {
		if t.Cell == cell {
			at[sessionTrial{t.Session, t.Trial}] = len(out)
			out = append(out, TrialData{Trial: t, Requests: make([]Request, 0, max(t.Requests, 0))})
		}
	}
	for i := range l.Requests {
		r := &l.Requests[i]
		if r.Cell != cell {
			continue
		}
		if n, ok := at[sessionTrial{r.Session, r.Trial}]; ok {
			out[n].Requests = append(out[n].Requests, *r)
		}
	}
	for _, t := range out {
		slices.SortStableFunc(t.Requests, func(a, b Request) int { return cmp.Compare(a.Index, b.Index) })
	}
	return out
}

// Warmups returns the warm-up requests of a cell.
func (l *Log) Warmups(cell string) []Request {
	var out []Request
	for i := range l.Requests {
		if r := &l.Requests[i]; r.Trial == 0 && r.Cell == cell {
			out = append(out, *r)
		}
	}
	return out
}

// Orphans returns the requests of trials that never ended: they happened, and no
// figure counts them.
func (l *Log) Orphans() []Request {
	counted := l.ended()
	var out []Request
	for i := range l.Requests {
		if r := &l.Requests[i]; r.Trial != 0 && !counted[endedTrial{r.Cell, r.Session, r.Trial}] {
			out = append(out, *r)
		}
	}
	return out
}

type endedTrial struct {
	cell           string
	session, trial int
}

func (l *Log) ended() map[endedTrial]bool {
	m := make(map[endedTrial]bool, len(l.Trials))
	for _, t := range l.Trials {
		m[endedTrial{t.Cell, t.Session, t.Trial}] = true
	}
	return m
}

// LastEnd returns the end of the last session; false where that session was cut off
// or none has begun.
func (l *Log) LastEnd() (End, bool) {
	if len(l.Ends) == 0 || len(l.Sessions) == 0 {
		return End{}, false
	}
	e := l.Ends[len(l.Ends)-1]
	return e, e.Session == l.Sessions[len(l.Sessions)-1].Session
}
