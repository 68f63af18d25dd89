package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"aibench/harness/config"
	"aibench/harness/record"
	"aibench/harness/session"
	"aibench/harness/stage"
)

// runStage starts the stage's server if it is ours to start, lets the suite measure
// it, and stops it.
func (m *measurement) runStage(ctx context.Context, name string) error {
	st, err := m.cfg.Stage(name)
	if err != nil {
		return err
	}
	if st.NeedsPort() {
		port, err := stage.FreePort()
		if err != nil {
			return err
		}
		st = st.Expand(port, m.dir.Run().ID)
	} else {
		st = st.Expand(0, m.dir.Run().ID)
	}
	state := ""
	if st.Toggle == string(stage.Managed) {
		state = filepath.Join(m.dir.Path(), "server_"+name+".json")
		server, err := m.startServer(ctx, name, st, state)
		if err != nil {
			return err
		}
		defer server.Stop()
	}
	clock, stopClock, err := m.startClock(ctx)
	if err != nil {
		return err
	}
	defer stopClock()
	err = m.runSuite(ctx, name, suiteTarget{endpoint: st.Endpoint, state: state, clock: clock})
	return errors.Join(err, m.noteEngine(name))
}

func (m *measurement) startServer(ctx context.Context, name string, st config.Stage, state string) (*stage.Process, error) {
	health, err := url.Parse(st.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("stage %s: endpoint: %w", name, err)
	}
	health.Path, health.RawQuery = st.Health, ""
	c := stage.DefaultConfig()
	c.Name, c.Toggle, c.Command, c.Dir, c.Env = name, stage.Managed, slices.Clone(st.Command), st.Dir, st.Env
	c.Health, c.ReadyTimeout, c.StopTimeout = health.String(), st.ReadyTimeout, st.StopTimeout
	c.LogPath, c.StatePath = m.dir.Log(name), state
	if c.Command[0] == "aibench" {
		if c.Command[0], err = os.Executable(); err != nil {
			return nil, fmt.Errorf("stage %s: own executable: %w", name, err)
		}
	}
	fmt.Fprintf(m.err, "stage %s: starting %s\n", name, strings.Join(st.Command, " "))
	p, err := stage.Start(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", name, err)
	}
	if err := p.WaitReady(ctx); err != nil {
		p.Stop()
		if ctx.Err() != nil {
			return nil, session.ErrInterrupted
		}
		return nil, fmt.Errorf("stage %s: %w", name, err)
	}
	return p, nil
}

// suiteTarget is what a stage's suite talks to. Each may be "".
type suiteTarget struct {
	endpoint string // base URL of the server
	state    string // state file of the server's process
	clock    string // base URL of the stamping server
}

// runSuite measures one stage in a process of its own: the compiled suite. Its
// standard input is a pipe from here, so that it stops in good order when we close
// the pipe, and when we die.
func (m *measurement) runSuite(ctx context.Context, name string, at suiteTarget) error {
	dir, err := filepath.Abs(m.dir.Path())
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	args := []string{"-test.run=^$", "-test.bench=" + m.cfg.Bench, "-test.benchtime=1x", "-test.timeout=0",
		"-test.count=" + strconv.Itoa(m.cfg.Trials), "-stop-on-eof",
		"-config", filepath.Join(dir, configFile), "-run-dir", dir, "-stage", name,
		"-seed", strconv.FormatUint(m.cfg.Seed, 10), "-salt", m.cfg.Salt}
	if at.state != "" {
		if at.state, err = filepath.Abs(at.state); err != nil {
			return fmt.Errorf("suite: %w", err)
		}
	}
	for _, f := range []struct{ flag, value string }{
		{"-server-state", at.state}, {"-target", at.endpoint}, {"-clock", at.clock},
	} {
		if f.value != "" {
			args = append(args, f.flag, f.value)
		}
	}
	out, err := os.OpenFile(filepath.Join(dir, "suite_"+name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(m.suite, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, m.err
	if m.opts.verbose {
		cmd.Stdout = tee{out, m.out}
	}
	return m.wait(ctx, name, cmd)
}

func (m *measurement) wait(ctx context.Context, name string, cmd *exec.Cmd) error {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	unhook := context.AfterFunc(ctx, func() { stdin.Close() })
	defer unhook()
	err = cmd.Wait()
	if ctx.Err() != nil {
		return session.ErrInterrupted
	}
	if m.done(name) {
		return m.deadServer(name)
	}
	if err == nil {
		return fmt.Errorf("stage %s: the suite measured nothing: does -bench %q name a benchmark?", name, m.cfg.Bench)
	}
	return fmt.Errorf("stage %s: suite: %w", name, err)
}

// deadServer warns of a stage that its server's death has ended. That is a result,
// not an error: the comparison tells it.
func (m *measurement) deadServer(name string) error {
	log, err := record.ReadLogFile(m.dir.Journal(name))
	if err != nil {
		return err
	}
	if end, ok := log.LastEnd(); ok && end.Reason == record.EndServerDead {
		fmt.Fprintf(m.err, "stage %s ended early: the server died: %s\n", name, end.Detail)
	}
	return nil
}

// noteEngine says in run.json whether the answers came from the mock.
func (m *measurement) noteEngine(name string) error {
	log, err := record.ReadLogFile(m.dir.Journal(name))
	if err != nil || len(log.Sessions) == 0 {
		return nil // nothing was measured
	}
	simulated := false
	for _, s := range log.Sessions {
		simulated = simulated || s.Simulated
	}
	return m.dir.Update(func(r *record.Run) { r.Simulated = r.Simulated || simulated })
}
