package record

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "256k")
	path := filepath.Join(dir, "journal_baseline.jsonl")
	j, _ := mustOpen(t, path)
	mustBegin(t, j)
	trials := 0
	var err error
	for err == nil {
		trials++
		r := sampleRequest("a", trials, 0, 500)
		if err = j.Request(&r); err == nil {
			err = j.Trial(Trial{Cell: "a", Trial: trials})
		}
	}
	assert.EqualError(t, err, "journal "+path+": write: no space left on device")
	trials--
	require.Greater(t, trials, 5)
	log, err := ReadLogFile(path)
	require.NoError(t, err)
	assert.Zero(t, log.Torn, "the half line was taken back")
	assert.Len(t, log.Finished("a"), trials)
	require.NoError(t, j.Close())

	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"))
	j, _ = mustOpen(t, path)
	mustBegin(t, j)
	putTrial(t, j, "a", trials+1, 1)
	require.NoError(t, j.Close())
}

func TestCreateOnFullDisk(t *testing.T) {
	dir := smallDisk(t, "1m")
	_, err := Create(dir, "r", Run{})
	assert.EqualError(t, err, "results folder "+dir+": 1 MiB free, a run needs at least 32 MiB: free some space or choose another folder with -results")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestWriteFileOnFullDisk(t *testing.T) {
	dir := smallDisk(t, "64k")
	path := filepath.Join(dir, "results.json")
	require.NoError(t, WriteFile(path, saying("old")))
	err := WriteFile(path, saying(string(make([]byte, 1<<20))))
	assert.EqualError(t, err, "write "+path+": no space left on device")
	assertOnly(t, path, "old")
}

func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "64m")
	d, err := Create(dir, "old", Run{})
	require.NoError(t, err)
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = Create(dir, "r", Run{})
	assert.EqualError(t, err, "results folder "+dir+": can't be written: read-only file system")
	_, _, err = OpenJournal(d.Journal("baseline"))
	assert.EqualError(t, err, "journal "+d.Journal("baseline")+": lock: read-only file system")
	assert.ErrorIs(t, d.Update(func(*Run) {}), syscall.EROFS)
	_, err = Open(dir, "old")
	assert.NoError(t, err, "a run on a read-only disk can be read")
}
