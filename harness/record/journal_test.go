package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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

func TestJournalRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path)
	r := sampleRequest("a", 1, 0, 1)
	assert.EqualError(t, j.Request(&r), "journal "+path+": no session has begun")
	mustBegin(t, j)
	putTrial(t, j, "a", 1, 1)
	assert.EqualError(t, j.Trial(Trial{Cell: "a", Trial: 1, Requests: 1}), "journal "+path+": trial 1 of a stands twice")
	require.NoError(t, j.Capacity(Capacity{Cell: "a", Search: 1}))
	require.NoError(t, j.Capacity(Capacity{Cell: "a", Search: 2}))
	assert.EqualError(t, j.Capacity(Capacity{Cell: "a", Search: 1}), "journal "+path+": search 1 of a stands twice")
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
				time.Sleep(50 * time.Microsecond) // let the others meet the lock held
				mu.Unlock()
				l.release()
			}
		})
	}
	wg.Wait()
}

// TestLockOfRemovedFile: a lock on a file that its last holder removed, or that others
// have made anew since, keeps nobody out.
func TestLockOfRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	l, err := lockFile(path)
	require.NoError(t, err)
	defer l.f.Close()
	assert.True(t, l.current())
	require.NoError(t, os.Remove(path))
	assert.False(t, l.current())
	second, err := lockFile(path)
	require.NoError(t, err)
	defer second.release()
	assert.True(t, second.current())
	assert.False(t, l.current())
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
