package mockserver

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Blocks beyond VRAM and RAM are really in a file, and RAM really in use.
func TestPressure(t *testing.T) {
	p := exact(t, "fast") // aidaptiv: 562 blocks in VRAM, 625 in RAM
	dir := t.TempDir()
	file := filepath.Join(dir, "kv-ssd.bin")
	inBubble(t, p, Options{Stage: "aidaptiv", Pressure: true, OffloadDir: dir}, func(t *testing.T, c *http.Client, s *Server) {
		assert.Empty(t, s.pressure.held)
		post(t, c, "/v1/completions", completion(16000, 1, "u")) // 1001 blocks: RAM, no SSD
		assert.Len(t, s.pressure.held, int(438*16000)>>20)       // 438 stay cached
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Zero(t, info.Size())
		post(t, c, "/v1/completions", completion(16000, 1, "v")) // pushes u down
		info, err = os.Stat(file)
		require.NoError(t, err)
		assert.Positive(t, info.Size())
		assert.Zero(t, info.Size()%16000, "whole blocks")
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotZero(t, data[len(data)-1])
		post(t, c, "/v1/completions", completion(16000, 1, "u")) // reads it back
	})
	_, err := os.Stat(file)
	assert.ErrorIs(t, err, os.ErrNotExist, "Close removes the file")
	_, err = os.Stat(dir)
	assert.NoError(t, err, "but not the user's directory")
}

func TestPressureOwnDirectoryIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := New(profile(t, "fast"), Options{Stage: "aidaptiv", Pressure: true})
	require.NoError(t, err)
	dir := s.pressure.dir
	assert.DirExists(t, dir)
	require.NoError(t, s.Close())
	assert.NoDirExists(t, dir)
}

// Failed writes are not lost: Close tells of them.
func TestPressureReportsFailures(t *testing.T) {
	l, err := (&Profile{KVBytesPerToken: 1, Tiers: []Tier{{Name: "ssd", Bytes: 64, Backing: "file"}},
		Stages: map[string]Stage{"baseline": {Tiers: []string{"ssd"}}}}).layout("baseline")
	require.NoError(t, err)
	p, err := newPressure(l, 1, t.TempDir())
	require.NoError(t, err)
	p.apply([]move{{tier: 0, slot: 3, write: false}})
	assert.ErrorContains(t, p.close(), "offload")
}
