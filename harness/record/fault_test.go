//go:build unix || windows

package record

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
