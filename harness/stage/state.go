package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"aibench/harness/record"
)

// State is what the state file says of a server process. The process that
// started the server writes it whole on each change, and any other may read it.
type State struct {
	PID     int       `json:"pid"`     // process id of the server, also the id of its process group on Unix
	Started time.Time `json:"started"` // wall clock
	Running bool      `json:"running"`
	Exit    *Exit     `json:"exit,omitempty"` // nil while it runs
}

// Exit is how a server process ended.
type Exit struct {
	Code        int              `json:"code"`             // exit status; -1 where a signal ended it
	Signal      string           `json:"signal,omitempty"` // "SIGKILL", ...; "" where it ended by itself
	Stopped     bool             `json:"stopped"`          // aibench ended it on purpose
	OOMKill     record.Opt[bool] `json:"oom_kill,omitzero"`
	OOMEvidence string           `json:"oom_evidence,omitempty"` // what OOMKill rests on, or why it is absent
	Tail        string           `json:"tail,omitempty"`         // last output, at most 4 KiB
	At          time.Time        `json:"at"`                     // wall clock
}

// String says it in one line, without the tail.
func (e Exit) String() string {
	s := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != "" {
		s = "killed by " + e.Signal
	}
	if oom, _ := e.OOMKill.Get(); oom {
		s += " (out of memory: " + e.OOMEvidence + ")"
	}
	if e.Stopped {
		s += " (stopped by aibench)"
	}
	return s
}

// ReadState reads a state file.
func ReadState(path string) (State, error) {
	var s State
	b, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("server state: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("server state: %s: %w", path, err)
	}
	return s, nil
}

// AwaitExit reads a state file until it says that the server has ended, or ctx
// ends, and returns what it says then. A client sees a dying server's connection
// reset some milliseconds before the watching process could write the state, so
// who asks after an error has to grant it a moment.
func AwaitExit(ctx context.Context, path string) (State, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := ReadState(path)
		if err != nil || !s.Running {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, nil
		case <-tick.C:
		}
	}
}

// writeState replaces the state file in one step, so that no reader sees half.
func writeState(path string, s State) error {
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("server state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*")
	if err != nil {
		return fmt.Errorf("server state: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("server state: %w", err)
	}
	return nil
}
