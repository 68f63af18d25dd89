package record

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mustOpen(t testing.TB, path string) (*Journal, *Log) {
	t.Helper()
	j, log, err := OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j, log
}

func mustBegin(t testing.TB, j *Journal) Session {
	t.Helper()
	s, err := j.Begin(Session{Stage: "baseline", Epoch: epoch, PID: 77, Version: "test", Engine: "mockserver (simulated)", Model: "m"})
	require.NoError(t, err)
	return s
}

func putRequests(t testing.TB, j *Journal, cell string, trial, n int) {
	t.Helper()
	for i := range n {
		r := sampleRequest(cell, trial, i, 3)
		require.NoError(t, j.Request(&r))
	}
}

func putTrial(t testing.TB, j *Journal, cell string, trial, n int) {
	t.Helper()
	putRequests(t, j, cell, trial, n)
	require.NoError(t, j.Trial(Trial{Cell: cell, Trial: trial, Start: 1, End: 2, Procs: 2}))
}

// writeSample writes a journal of two sessions, the first of which was cut off within
// trial 2 of cell a.
func writeSample(t testing.TB, path string) {
	t.Helper()
	j, _ := mustOpen(t, path)
	mustBegin(t, j)
	putRequests(t, j, "a", 0, 1)
	putTrial(t, j, "a", 1, 2)
	putRequests(t, j, "a", 2, 1)
	require.NoError(t, j.Close())

	j, _ = mustOpen(t, path)
	mustBegin(t, j)
	putTrial(t, j, "a", 2, 2)
	require.NoError(t, j.NotRun(NotRun{Cell: "c", Reason: "b failed: oom_gpu"}))
	putTrial(t, j, "b", 1, 1)
	require.NoError(t, j.Note(Note{Text: "a remark"}))
	require.NoError(t, j.End(End{Reason: EndComplete}))
	require.NoError(t, j.Close())
}

func TestJournalTwoSessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal_baseline.jsonl")
	writeSample(t, path)
	log, err := ReadLogFile(path)
	require.NoError(t, err)

	assert.Equal(t, []string{"a", "c", "b"}, log.Cells())
	want := Session{Type: typeSession, Session: 1, Schema: SchemaVersion, Stage: "baseline", Epoch: epoch, PID: 77,
		Version: "test", Engine: "mockserver (simulated)", Model: "m"}
	assert.Equal(t, want, log.Sessions[0])
	assert.Equal(t, 2, log.Sessions[1].Session)
	a := log.Finished("a")
	require.Len(t, a, 2)
	assert.Equal(t, Trial{typeTrial, 2, "a", 2, 1, 2, 2, 2}, a[1].Trial)
	for i, r := range a[1].Requests {
		want := sampleRequest("a", 2, i, 3)
		want.Session = 2
		assert.Equal(t, want, r, "the killed attempt of session 1 must not be among them")
	}
	assert.Len(t, a[1].Requests, 2)
	assert.Len(t, log.Warmups("a"), 1)
	assert.Empty(t, log.Warmups("b"))
	orphans := log.Orphans()
	require.Len(t, orphans, 1)
	assert.Equal(t, 1, orphans[0].Session)
	assert.Equal(t, 2, orphans[0].Trial)
	assert.Equal(t, []NotRun{{typeNotRun, 2, "c", "b failed: oom_gpu"}}, log.NotRun)
	assert.Equal(t, []Note{{typeNote, 2, "a remark"}}, log.Notes)
	end, ok := log.LastEnd()
	assert.True(t, ok)
	assert.Equal(t, End{typeEnd, 2, EndComplete, ""}, end)
	assert.NoFileExists(t, path+".lock")
}

func TestLastEndOfCutOffSession(t *testing.T) {
	_, ok := new(Log).LastEnd()
	assert.False(t, ok)
	_, ok = (&Log{Sessions: []Session{{Session: 1}, {Session: 2}}, Ends: []End{{Session: 1}}}).LastEnd()
	assert.False(t, ok, "session 2 has no end")
}

func TestFinishedSortsByIndex(t *testing.T) {
	log := Log{Trials: []Trial{{Session: 1, Cell: "a", Trial: 1, Requests: 3}},
		Requests: []Request{{Session: 1, Cell: "a", Trial: 1, Index: 2}, {Session: 1, Cell: "a", Trial: 1, Index: 0}, {Session: 1, Cell: "a", Trial: 1, Index: 1}}}
	for i, r := range log.Finished("a")[0].Requests {
		assert.Equal(t, i, r.Index)
	}
	assert.Equal(t, []string{"a"}, log.Cells())
}

// TestTruncatedAnywhere cuts a journal at every byte: the rest must be readable, must
// have each trial whose line is whole exactly once with all its requests, and must be
// fit to go on with.
func TestTruncatedAnywhere(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	writeSample(t, full)
	data, err := os.ReadFile(full)
	require.NoError(t, err)

	for cut := 0; cut <= len(data); cut++ {
		head := data[:cut]
		whole := head[:bytes.LastIndexByte(head, '\n')+1]
		log, err := ReadLog(bytes.NewReader(head), "j")
		require.NoError(t, err, "cut at %d", cut)
		require.Equal(t, len(head)-len(whole), log.Torn)
		n := 0
		for _, cell := range log.Cells() {
			for _, trial := range log.Finished(cell) {
				n++
				require.Len(t, trial.Requests, trial.Trial.Requests)
			}
		}
		require.Equal(t, bytes.Count(whole, []byte(`"type":"trial"`)), n, "cut at %d", cut)
		require.Equal(t, bytes.Count(whole, []byte(`"type":"request"`)), len(log.Requests))
	}
}

// TestResumeAnywhere goes on with a journal cut at every byte around line ends and at
// every 101st, and does what a resumed stage does: the trials that are missing.
func TestResumeAnywhere(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	writeSample(t, full)
	data, err := os.ReadFile(full)
	require.NoError(t, err)
	path := filepath.Join(dir, "journal_baseline.jsonl")

	for cut := 0; cut <= len(data); cut++ {
		nearEnd := bytes.ContainsRune(data[max(0, cut-2):min(len(data), cut+2)], '\n')
		if cut%101 != 0 && !nearEnd {
			continue
		}
		require.NoError(t, os.WriteFile(path, data[:cut], 0o644))
		j, before := mustOpen(t, path)
		st, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, cut-before.Torn, st.Size(), "the torn line is cut off")
		s := mustBegin(t, j)
		require.Equal(t, len(before.Sessions)+1, s.Session)
		done := map[trialKey]bool{}
		for _, tr := range before.Trials {
			done[trialKey{tr.Cell, tr.Trial}] = true
		}
		for _, k := range []trialKey{{"a", 1}, {"a", 2}, {"b", 1}} {
			if !done[k] {
				putTrial(t, j, k.cell, k.trial, 2)
			}
		}
		require.NoError(t, j.Close())

		after, err := ReadLogFile(path)
		require.NoError(t, err)
		require.Zero(t, after.Torn)
		require.Len(t, after.Finished("a"), 2)
		require.Len(t, after.Finished("b"), 1)
		if before.Torn > 0 {
			require.Equal(t, fmt.Sprintf("a torn last line of %d bytes was dropped: the session before was cut off while writing it", before.Torn),
				after.Notes[len(after.Notes)-1].Text)
		} else {
			require.Equal(t, before.Notes, after.Notes)
		}
	}
}

func TestReadLogRefuses(t *testing.T) {
	const (
		session = `{"type":"session","session":1,"schema":1,"stage":"baseline"}` + "\n"
		request = `{"type":"request","session":1,"cell":"X","trial":3}` + "\n"
		trial   = `{"type":"trial","session":1,"cell":"X","trial":3,"requests":1}` + "\n"
		end     = `{"type":"end","session":1,"reason":"complete"}` + "\n"
	)
	for _, c := range []struct{ in, want string }{
		{"\n" + session, "journal j:1: empty line"},
		{session + "{\"type\":\"requ\n" + end, "journal j:2: unexpected end of JSON input"},
		{session + "not json\n", "journal j:2: invalid character 'o' in literal null (expecting 'u')"},
		{session + `{"type":"gap"}` + "\n", `journal j:2: unknown line type "gap"`},
		{request, "journal j:1: no session has begun"},
		{strings.Replace(session, `"schema":1`, `"schema":2`, 1), "journal j:1: schema version 2: this aibench reads version 1 only"},
		{strings.Replace(session, `"schema":1,`, ``, 1), "journal j:1: schema version 0: this aibench reads version 1 only"},
		{strings.Replace(session, `baseline`, ``, 1), "journal j:1: session 1 names no stage"},
		{session + session, "journal j:2: session 1 follows session 1"},
		{session + strings.NewReplacer(`"session":1`, `"session":2`, "baseline", "other").Replace(session), `journal j:2: session 2 is of stage "other", the journal of stage "baseline"`},
		{session + strings.Replace(request, `"session":1`, `"session":2`, 1), "journal j:2: line of session 2 within session 1"},
		{session + request + trial + trial, "journal j:4: trial 3 of X stands twice"},
		{session + request + request + trial, "journal j:4: trial 3 of X counts 1 requests, 2 stand before it"},
		{session + trial, "journal j:2: trial 3 of X has no requests in session 1"},
		{session + request + trial + request, "journal j:4: request of trial 3 of X, which has ended before"},
		{session + request + strings.Replace(trial, `"trial":3`, `"trial":0`, 1), "journal j:3: trial 0 of X: trials count from 1"},
		{session + request + strings.Replace(trial, `"req`, `"start_ns":2,"end_ns":1,"req`, 1), "journal j:3: trial 3 of X ends before it starts"},
		{session + strings.Replace(request, `"X"`, `""`, 1), "journal j:2: line names no cell"},
		{session + strings.Replace(request, `:3`, `:-3`, 1), "journal j:2: request of trial -3 of X: trials count from 1, warm-ups are 0"},
		{session + strings.Replace(request, `:3`, `:3,"events":{"kind":"tt","arrive_ns":[1]}`, 1), "journal j:2: events of request 0 of trial 3 of X: 1 instants, 2 kinds"},
		{session + end + request, "journal j:3: session 1 has ended"},
		{session + strings.Replace(end, "complete", "bored", 1), `journal j:2: end of session 1: unknown reason "bored"`},
	} {
		_, err := ReadLog(strings.NewReader(c.in), "j")
		assert.EqualError(t, err, c.want)
	}
	_, err := ReadLog(strings.NewReader(session+request+trial+end), "j")
	assert.NoError(t, err, "the pieces above are good as such")
}

func FuzzReadLog(f *testing.F) {
	path := filepath.Join(f.TempDir(), "j")
	writeSample(f, path)
	data, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(append(data[:len(data):len(data)], 0, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		log, err := ReadLog(bytes.NewReader(data), "j")
		if err != nil {
			return
		}
		n := len(log.Orphans())
		for _, cell := range log.Cells() {
			n += len(log.Warmups(cell))
			for _, trial := range log.Finished(cell) {
				n += len(trial.Requests)
				require.Len(t, trial.Requests, trial.Trial.Requests)
			}
		}
		require.Equal(t, len(log.Requests), n, "each request is a warm-up, counted, or an orphan")
	})
}

func TestJournalRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path)
	r := sampleRequest("a", 1, 0, 1)
	assert.EqualError(t, j.Request(&r), "journal "+path+": no session has begun")
	mustBegin(t, j)
	putTrial(t, j, "a", 1, 1)
	assert.EqualError(t, j.Trial(Trial{Cell: "a", Trial: 1, Requests: 1}), "journal "+path+": trial 1 of a stands twice")
	assert.EqualError(t, j.Request(&r), "journal "+path+": request of trial 1 of a, which has ended before")
	assert.EqualError(t, j.Trial(Trial{Cell: "a", Trial: 2}), "journal "+path+": trial 2 of a has no requests in session 1")
	assert.EqualError(t, j.End(End{Reason: "x"}), "journal "+path+`: end of session 1: unknown reason "x"`)
	putTrial(t, j, "a", 2, 1) // a refused line spoils nothing
	require.NoError(t, j.Close())
	require.NoError(t, j.Close())
	assert.EqualError(t, j.Request(&r), "journal "+path+" is closed")
	log, err := ReadLogFile(path)
	require.NoError(t, err)
	assert.Len(t, log.Finished("a"), 2)
}

func TestBeginFillsIn(t *testing.T) {
	j, _ := mustOpen(t, filepath.Join(t.TempDir(), "j"))
	now := time.Now()
	s, err := j.Begin(Session{Stage: "b", Epoch: now})
	require.NoError(t, err)
	assert.Equal(t, os.Getpid(), s.PID)
	assert.Equal(t, SchemaVersion, s.Schema)
	assert.Contains(t, s.Epoch.String(), "m=", "durations since the epoch must stay monotonic")
	log, err := ReadLogFile(j.Path())
	require.NoError(t, err)
	assert.True(t, log.Sessions[0].Epoch.Equal(now))
	s, err = j.Begin(Session{Stage: "b"})
	require.NoError(t, err)
	assert.False(t, s.Epoch.IsZero())
}

func TestJournalConcurrent(t *testing.T) {
	j, _ := mustOpen(t, filepath.Join(t.TempDir(), "j"))
	mustBegin(t, j)
	var wg sync.WaitGroup
	for user := range 8 {
		wg.Go(func() {
			for i := range 20 {
				r := sampleRequest("a", 1, user*20+i, 5)
				assert.NoError(t, j.Request(&r))
			}
		})
	}
	wg.Wait()
	require.NoError(t, j.Trial(Trial{Cell: "a", Trial: 1, Requests: 160}))
	log, err := ReadLogFile(j.Path())
	require.NoError(t, err)
	for i, r := range log.Finished("a")[0].Requests {
		want := sampleRequest("a", 1, i, 5)
		require.Equal(t, want, r)
	}
}

// TestOneWritePerLine: a line must reach the file in one call, or a reader of a
// running stage would see many halves and a kill would leave many.
func TestOneWritePerLine(t *testing.T) {
	j, _ := mustOpen(t, filepath.Join(t.TempDir(), "j"))
	f := &faultyFile{journalFile: j.file, room: 1 << 40}
	j.file = f
	mustBegin(t, j)
	r := sampleRequest("a", 1, 0, 100_000)
	require.NoError(t, j.Request(&r))
	require.NoError(t, j.Trial(Trial{Cell: "a", Trial: 1}))
	assert.Equal(t, 3, f.writes)
	assert.Equal(t, []int{1, 3}, f.syncs, "the session and the trial are synced, the request is not")
}

// faultyFile is a file on a disk with room for so many bytes more.
type faultyFile struct {
	journalFile
	room          int64
	writes        int
	syncs         []int // number of writes before each
	truncateError error
	syncError     error
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	f.writes++
	if int64(len(p)) <= f.room {
		f.room -= int64(len(p))
		return f.journalFile.WriteAt(p, off)
	}
	n, err := f.journalFile.WriteAt(p[:f.room], off)
	if err == nil {
		err = &os.PathError{Op: "write", Path: "j", Err: syscall.ENOSPC}
	}
	f.room = 0
	return n, err
}

func (f *faultyFile) Truncate(size int64) error {
	if f.truncateError != nil {
		return f.truncateError
	}
	return f.journalFile.Truncate(size)
}

func (f *faultyFile) Sync() error {
	f.syncs = append(f.syncs, f.writes)
	if f.syncError != nil {
		return f.syncError
	}
	return f.journalFile.Sync()
}

func TestFullDiskInjected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path)
	mustBegin(t, j)
	putTrial(t, j, "a", 1, 1)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	disk := &faultyFile{journalFile: j.file, room: 100}
	j.file = disk
	r := sampleRequest("a", 2, 0, 3)
	assert.EqualError(t, j.Request(&r), "journal "+path+": write: no space left on device")
	assert.ErrorIs(t, j.Request(&r), syscall.ENOSPC)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the half line is taken back")

	disk.room = 1 << 20 // somebody made room: the stage goes on
	putTrial(t, j, "a", 2, 1)
	log, err := ReadLogFile(path)
	require.NoError(t, err)
	assert.Len(t, log.Finished("a"), 2)
}

func TestHalfLineThatStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path)
	mustBegin(t, j)
	disk := &faultyFile{journalFile: j.file, room: 100, truncateError: syscall.EIO}
	j.file = disk
	r := sampleRequest("a", 1, 0, 3)
	want := "journal " + path + ": write: no space left on device (and the half line can't be cut off: input/output error)"
	assert.EqualError(t, j.Request(&r), want)
	disk.room = 1 << 20
	assert.EqualError(t, j.Request(&r), want, "nothing may be written after half a line")
	log, err := ReadLogFile(path)
	require.NoError(t, err)
	assert.Equal(t, 100, log.Torn)
}

func TestFailedSyncIsFinal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path)
	mustBegin(t, j)
	putRequests(t, j, "a", 1, 1)
	disk := &faultyFile{journalFile: j.file, room: 1 << 20, syncError: syscall.EIO}
	j.file = disk
	assert.EqualError(t, j.Trial(Trial{Cell: "a", Trial: 1}), "journal "+path+": sync: input/output error")
	disk.syncError = nil
	assert.ErrorIs(t, j.End(End{Reason: EndComplete}), syscall.EIO)
}

func TestOpenJournalErrors(t *testing.T) {
	dir := t.TempDir()
	_, _, err := OpenJournal(filepath.Join(dir, "none", "j"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = ReadLogFile(filepath.Join(dir, "j"))
	assert.EqualError(t, err, "journal "+filepath.Join(dir, "j")+": open: no such file or directory")

	bad := filepath.Join(dir, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("x\n"), 0o644))
	_, _, err = OpenJournal(bad)
	assert.ErrorContains(t, err, bad+":1: ")
	assert.NoFileExists(t, bad+".lock", "a failed opening holds no lock")
	got, err := os.ReadFile(bad)
	require.NoError(t, err)
	assert.Equal(t, "x\n", string(got), "a damaged journal is left as it is")
}

func TestOpenTwiceInOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path)
	_, _, err := OpenJournal(path)
	assert.EqualError(t, err, fmt.Sprintf("journal %s is in use by another process (pid %d)", path, os.Getpid()))
	assert.True(t, errors.Is(err, ErrInUse))
	require.NoError(t, j.Close())
	mustOpen(t, path)
}

// TestLockHandover has many fight for one lock that its holders remove: never two may
// have it.
func TestLockHandover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for got := 0; got < 50; {
				l, err := lockFile(path)
				if _, held := heldBy(err); held {
					continue
				}
				if !assert.NoError(t, err) || !assert.True(t, mu.TryLock(), "two hold the lock") {
					return
				}
				got++
				mu.Unlock()
				l.release()
			}
		})
	}
	wg.Wait()
}

func BenchmarkJournalRequest(b *testing.B) {
	j, _ := mustOpen(b, filepath.Join(b.TempDir(), "j"))
	mustBegin(b, j)
	r := sampleRequest("Context/ctx=8192/users=1", 0, 0, 64)
	b.ReportAllocs()
	start := j.size
	n := 0
	for b.Loop() {
		if err := j.Request(&r); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(j.size-start)/float64(n), "line-B")
}

func BenchmarkReadLog(b *testing.B) {
	path := filepath.Join(b.TempDir(), "j")
	j, _ := mustOpen(b, path)
	mustBegin(b, j)
	for i := range 1000 {
		r := sampleRequest("Context/ctx=8192/users=1", 0, i, 64)
		require.NoError(b, j.Request(&r))
	}
	data, err := os.ReadFile(path)
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ReadLog(bytes.NewReader(data), "j"); err != nil {
			b.Fatal(err)
		}
	}
}
