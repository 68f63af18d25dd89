package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"

	"aibench/harness/record"
	"aibench/harness/report"
)

// compareCommand prints the table of a run that has been measured.
func compareCommand(_ context.Context, args []string, t terminal) error {
	dir, err := savedRun("compare", args, t)
	if err != nil {
		return err
	}
	return report.WriteConsole(t.out, dir)
}

// reportCommand rebuilds every derived file from the journals.
func reportCommand(_ context.Context, args []string, t terminal) error {
	dir, err := savedRun("report", args, t)
	if err != nil {
		return err
	}
	files, err := report.WriteRun(dir)
	for _, f := range files {
		fmt.Fprintln(t.out, f)
	}
	return err
}

// savedRun opens the run that the only argument names: an id in the results folder,
// or the path of a run directory.
func savedRun(name string, args []string, t terminal) (*record.Dir, error) {
	fs := flag.NewFlagSet("aibench "+name, flag.ContinueOnError)
	fs.SetOutput(t.out)
	results := fs.String("results", "results", "`folder` with the runs")
	fs.Usage = func() {
		fmt.Fprintf(t.out, "usage: aibench %s [-results DIR] RUN\nRUN is a run's id, or the path of its folder.\n", name)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return nil, err
		}
		return nil, usageError{err}
	}
	if fs.NArg() != 1 {
		return nil, usagef("%s: want one run, got %d arguments", name, fs.NArg())
	}
	run := fs.Arg(0)
	if filepath.Base(run) != run {
		return record.Open(filepath.Dir(filepath.Clean(run)), filepath.Base(filepath.Clean(run)))
	}
	return record.Open(*results, run)
}
