package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// writeConfig leaves the configuration that this stage is measured by, environment and
// flags included, in the run directory: a stage that is continued may have other limits
// of time than the plan.
func (m *measurement) writeConfig(name string) (path string, err error) {
	asYAML, err := m.cfg.Redacted().YAML()
	if err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	if path, err = filepath.Abs(filepath.Join(m.dir.Path(), "config_"+name+".yaml")); err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	return path, record.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(asYAML)
		return err
	})
}

// suiteEnvironment leaves out the variables of the configuration: they are part of the
// suite's file already, below the flags that outweigh them.
func (m *measurement) suiteEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, config.EnvPrefix) && name != m.cfg.APIKeyEnv
	})
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
	config, err := m.writeConfig(name)
	if err != nil {
		return err
	}
	args := []string{"-test.run=^$", "-test.bench=" + m.cfg.Bench, "-test.benchtime=1x", "-test.timeout=0",
		"-test.count=" + strconv.Itoa(m.cfg.Trials), "-stop-on-eof",
		"-config", config, "-run-dir", dir, "-stage", name,
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
	cmd.Dir, cmd.Env = dir, m.suiteEnvironment()
	cmd.Stdout, cmd.Stderr = out, m.err // itself, not a pipe: the suite draws a bar on a terminal
	if m.opts.verbose {
		cmd.Stdout = tee{out, m.out}
	}
	err = m.wait(ctx, name, cmd)
	var exit *exec.ExitError
	if words := lastWords(out.Name()); words != "" && errors.As(err, &exit) {
		return fmt.Errorf("stage %s: %s", name, words)
	}
	return err
}

func (m *measurement) wait(ctx context.Context, name string, cmd *exec.Cmd) error {
	before := m.end(name).Session // how an earlier session ended says nothing of this one
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
	end := m.end(name)
	if end.Session == before {
		end = record.End{}
	}
	switch {
	case end.Reason == record.EndServerDead:
		// A result, not an error: the comparison tells it.
		fmt.Fprintf(m.err, "stage %s ended early: the server died: %s\n", name, end.Detail)
		return nil
	case end.Reason == record.EndComplete:
		return nil
	case end.Reason == record.EndFailed:
		return fmt.Errorf("stage %s: %s", name, end.Detail)
	case err == nil:
		return fmt.Errorf("stage %s: the suite left no word of its end", name)
	}
	return fmt.Errorf("stage %s: suite: %w", name, err)
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
