package record

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childEnv names the journal that the test binary, started again as a child, writes
// until it is killed.
const childEnv = "RECORD_TEST_CHILD_JOURNAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver goes on with the journal at path, and says "done N" on stdout when
// trial N has been written, "open" before the first.
func writeForEver(path string) error {
	j, log, err := OpenJournal(path)
	if err != nil {
		return err
	}
	if _, err := j.Begin(Session{Stage: "baseline", Epoch: epoch}); err != nil {
		return err
	}
	fmt.Println("open")
	for trial := len(log.Finished("a")) + 1; ; trial++ {
		for i := range 3 {
			r := sampleRequest("a", trial, i, 200)
			if err := j.Request(&r); err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // as a measurement would: time to be killed within a trial
		}
		if err := j.Trial(Trial{Cell: "a", Trial: trial, Requests: 3}); err != nil {
			return err
		}
		fmt.Println("done", trial)
	}
}

// child starts writeForEver in a process of its own and waits until it says until. It
// returns the process and all that it has said.
func child(t *testing.T, path, until string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	said := bufio.NewScanner(out)
	for said.Scan() {
		if said.Text() == until {
			return cmd, said
		}
	}
	t.Fatalf("the child never said %q: %v", until, said.Err())
	return nil, nil
}

// TestKill kills a process that writes a journal, several times over the same journal:
// no trial that it reported may be missing, and none may stand twice (ReadLog would
// refuse that).
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal_baseline.jsonl")
	reported, orphans := 0, 0
	for round := 1; round <= 6; round++ {
		cmd, said := child(t, path, fmt.Sprintf("done %d", reported+round))
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		reported += round
		for said.Scan() { // what it said before the signal arrived
			_, err := fmt.Sscanf(said.Text(), "done %d", &reported)
			require.NoError(t, err)
		}
		cmd.Wait()

		log, err := ReadLogFile(path)
		require.NoError(t, err)
		require.Len(t, log.Sessions, round)
		trials := log.Finished("a")
		require.GreaterOrEqual(t, len(trials), reported)
		for i, tr := range trials {
			require.Equal(t, i+1, tr.Trial.Trial)
			require.Len(t, tr.Requests, 3)
		}
		_, ended := log.LastEnd()
		require.False(t, ended)
		reported, orphans = len(trials), len(log.Orphans())
		if round%2 == 0 {
			tear(t, path)
		}
		t.Logf("round %d: %d trials, %d orphans, %d torn bytes", round, len(trials), len(log.Orphans()), log.Torn)
	}
	j, log := mustOpen(t, path)
	s := mustBegin(t, j)
	assert.Equal(t, 7, s.Session)
	assert.Equal(t, len(halfLine), log.Torn)
	assert.Len(t, log.Notes, 2, "the other two torn lines")
	t.Logf("%d requests of killed trials", orphans)
	assert.Len(t, log.Finished("a"), reported)
}

const halfLine = `{"type":"trial","session":1,"ce`

// tear appends half a line. A kill alone hardly ever leaves one, as a line is one
// write; a full disk or a power cut does.
func tear(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(halfLine)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestLockBetweenProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal_baseline.jsonl")
	cmd, _ := child(t, path, "open")
	_, _, err := OpenJournal(path)
	require.ErrorIs(t, err, ErrInUse)
	assert.EqualError(t, err, fmt.Sprintf("journal %s is in use by another process (pid %d)", path, cmd.Process.Pid))
	_, err = ReadLogFile(path)
	assert.NoError(t, err, "reading needs no lock")

	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	mustOpen(t, path)
	b, err := os.ReadFile(path + ".lock")
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(os.Getpid()), strings.TrimSpace(string(b)), "the lock of the killed process was taken over")
}
