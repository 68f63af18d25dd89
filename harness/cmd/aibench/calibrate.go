package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"aibench/harness/calibrate"
	"aibench/harness/client"
	"aibench/harness/config"
	"aibench/harness/stage"
)

// calibrateCommand prints how wrong this client's stopwatch is on this machine.
func calibrateCommand(ctx context.Context, args []string, t terminal) error {
	fs := flag.NewFlagSet("aibench calibrate", flag.ContinueOnError)
	fs.SetOutput(t.out)
	cfg, err := config.FromArgs(fs, args, os.LookupEnv)
	if err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("unexpected argument %q", fs.Arg(0))
	}
	url, stop, err := startClock(ctx, "")
	if err != nil {
		return err
	}
	defer stop()
	cc := calibrate.DefaultConfig()
	cc.Users = cfg.Users
	cc.Client = client.DefaultConfig()
	cc.Client.Endpoint = url
	c, err := calibrate.Run(ctx, cc)
	if err != nil {
		return err
	}
	return calibrate.Write(t.out, c)
}

// startClock starts the stamping server that a stage's client is calibrated against.
func (m *measurement) startClock(ctx context.Context) (url string, stop func(), err error) {
	if !m.cfg.Calibrate {
		return "", func() {}, nil
	}
	return startClock(ctx, m.dir.Log("clock"))
}

// startClock starts the mock engine as a server of known timing, in a process of its
// own: in ours it would share the scheduler that it is to judge.
func startClock(ctx context.Context, log string) (url string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("clock: own executable: %w", err)
	}
	port, err := stage.FreePort()
	if err != nil {
		return "", nil, fmt.Errorf("clock: %w", err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	c := stage.DefaultConfig()
	c.Toggle, c.Health, c.LogPath = stage.Managed, "http://"+addr+"/health", log
	c.Command = []string{self, "mock", "-addr", addr, "-profile", "steady", "-stamp-text"}
	p, err := stage.Start(ctx, c)
	if err != nil {
		return "", nil, fmt.Errorf("clock: %w", err)
	}
	if err := p.WaitReady(ctx); err != nil {
		p.Stop()
		return "", nil, fmt.Errorf("clock: %w", err)
	}
	return "http://" + addr + "/v1", func() { p.Stop() }, nil
}
