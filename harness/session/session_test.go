package session

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
	"aibench/harness/telemetry"
	"aibench/mockserver"
)

// What a session leaves in the run directory: the journal, the telemetry of all
// sessions in one file, the facts of machine and server, and no key (trap 33).
func TestFilesOfARun(t *testing.T) {
	const key = "sk-do-not-write-me"
	srv := serve(t, "fast", mockserver.Options{APIKey: key})
	cfg := configFor(srv, newRun(t))
	cfg.Client.APIKey, cfg.Engine.APIKey = key, key
	cfg.SampleInterval = 50 * time.Millisecond
	for range 2 {
		s := open(t, srv, cfg, func(g generation) string { return map[int]string{2: "auth"}[g.n] })
		require.NoError(t, sweep(t.Context(), s, cells(64), 2))
		closed(t, s, record.EndComplete)
	}

	f, err := os.Open(cfg.Dir.Metrics(cfg.Stage))
	require.NoError(t, err)
	defer f.Close()
	ticks, err := telemetry.ReadCSV(f)
	require.NoError(t, err)
	sessions := map[int]bool{}
	for _, tick := range ticks {
		sessions[tick.Session] = true
	}
	assert.Equal(t, map[int]bool{1: true, 2: true}, sessions)

	var m Metadata
	b, err := os.ReadFile(cfg.Dir.Metadata(cfg.Stage))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &m))
	assert.Equal(t, 2, m.Session)
	assert.Equal(t, "mockserver (simulated)", m.Engine.Name)
	assert.Equal(t, "fast-sim", m.Model.ID)
	assert.NotZero(t, m.Machine.Cores)

	files := 0
	require.NoError(t, filepath.WalkDir(cfg.Dir.Path(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		assert.NotContains(t, string(b), key, path)
		return err
	}))
	assert.GreaterOrEqual(t, files, 4)
}

// Without a directory a session measures just the same and keeps nothing.
func TestWithoutADirectory(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	s := open(t, srv, configFor(srv, nil), nil)
	for n := range 2 {
		m := trial(t, s, cell(64, 2, 0), 4)
		assert.Equal(t, n+1, m.Trial.Trial)
		require.Len(t, m.Requests, 2)
		assert.Equal(t, record.OK, m.Requests[0].Outcome)
		assert.LessOrEqual(t, m.Trial.Start, m.Requests[0].Start.Or(-1))
		assert.GreaterOrEqual(t, m.Trial.End, m.Requests[1].End.Or(m.Trial.End+1))
	}
	require.NoError(t, s.NotRun(cell(128, 1, 0), "because"))
	require.NoError(t, s.Close(record.EndComplete))
}

// A session that can't be opened frees what it had opened: the journal above all.
func TestOpenFailsWithoutHoldingTheJournal(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, newRun(t))
	cfg.SampleInterval = time.Millisecond // below what telemetry takes
	_, err := Open(t.Context(), cfg)
	require.ErrorContains(t, err, "interval")
	cfg.SampleInterval = 0
	s := open(t, srv, cfg, nil)
	assert.Equal(t, 2, s.Begun().Session)
	require.NoError(t, s.Close(record.EndComplete))
}

// No server, or not the model: the error is the engine's own, with its advice.
func TestOpenWithoutAServer(t *testing.T) {
	srv := serve(t, "fast", mockserver.Options{})
	cfg := configFor(srv, nil)
	cfg.Engine.Model = "another"
	_, err := Open(t.Context(), cfg)
	require.ErrorContains(t, err, "model another: ")
	srv.die()
	_, err = Open(t.Context(), configFor(srv, nil))
	require.ErrorContains(t, err, "refused")
}
