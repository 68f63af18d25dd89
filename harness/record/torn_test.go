package record

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

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
