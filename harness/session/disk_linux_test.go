package session

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/mockserver"
)

// smallDisk mounts a file system of the given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// The disk runs full in the middle of the night (trap 34): the trial that could not be
// kept says so, and all before it is there.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "40m")
	run, err := record.Create(dir, "run", record.Run{Stages: []string{"baseline"}})
	require.NoError(t, err)
	srv := serve(t, "null", mockserver.Options{})
	cfg := configFor(srv, run)
	s := open(t, srv, cfg, nil)
	c := cell(64, 1, 2)
	kept := 0
	measure := func() error {
		_, err := s.Trial(t.Context(), ContextWork(c, 64))
		if err == nil {
			kept++
		}
		return err
	}
	require.NoError(t, measure())
	fill(t, filepath.Join(dir, "ballast"))
	for range 100 { // the last page of the journal may have room
		if err = measure(); err != nil {
			break
		}
	}
	require.EqualError(t, err, "journal "+run.Journal("baseline")+": write: no space left on device")
	log := readLog(t, cfg)
	assert.Zero(t, log.Torn)
	assert.Len(t, log.Finished(c.Name()), kept)
	s.Close(record.EndInterrupted) // fails or not: there may be room for its line

	require.NoError(t, os.Remove(filepath.Join(dir, "ballast")))
	resumed := open(t, srv, cfg, nil)
	for n := range kept + 1 {
		m := trial(t, resumed, c, 64)
		assert.Equal(t, n < kept, m.Replayed)
	}
	assert.Len(t, closed(t, resumed, record.EndComplete).Finished(c.Name()), kept+1)
}

// Telemetry that can't be written ends no measurement, and the reader is told.
func TestTelemetryOnAFullDisk(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.SampleInterval = 50 * time.Millisecond
	earlier := filepath.Join(smallDisk(t, "16k"), "metrics.csv")
	fill(t, earlier)
	require.NoError(t, shorten(earlier, 2)) // room for the line ends that part two sessions
	require.NoError(t, os.Symlink(earlier, cfg.Dir.Metrics(cfg.Stage)))
	s := open(t, srv, cfg, nil)
	assert.Equal(t, record.OK, trial(t, s, cell(64, 1, 1), 4).Requests[0].Outcome)
	var texts []string
	for _, n := range closed(t, s, record.EndComplete).Notes {
		texts = append(texts, n.Text)
	}
	assert.Contains(t, texts, "telemetry lost rows: write "+cfg.Dir.Metrics(cfg.Stage)+": no space left on device")
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.WriteString(strings.Repeat("x", size)); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			size /= 2
		}
	}
}

// shorten takes the last n bytes off a file.
func shorten(path string, n int) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, st.Size()-int64(n))
}
