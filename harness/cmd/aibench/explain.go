package main

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"aibench/harness/report"
)

// explainCommand prints the figures of a run by the definitions of other tools.
func explainCommand(_ context.Context, args []string, t terminal) error {
	var only report.Selection
	fs := flag.NewFlagSet("aibench explain", flag.ContinueOnError)
	fs.SetOutput(t.out)
	results := fs.String("results", "results", "`folder` with the runs")
	fs.StringVar(&only.Stage, "stage", "", "only this `stage`")
	fs.StringVar(&only.Cell, "cell", "", "only cells with this `text` in their name, such as ctx=8192/")
	fs.Usage = func() {
		fmt.Fprint(t.out, "usage: aibench explain RUN [-stage NAME] [-cell SUBSTRING] [-results DIR]\nRUN is a run's id, or the path of its folder.\n")
		fs.PrintDefaults()
	}
	runs, err := parseAround(fs, args)
	if err != nil {
		return err
	}
	dir, err := savedRun("explain", append([]string{"-results", *results, "--"}, runs...), t)
	if err != nil {
		return err
	}
	if planned := dir.Run().Stages; only.Stage != "" && !slices.Contains(planned, only.Stage) {
		return usagef("flag -stage: unknown stage %q: run %s has %q", only.Stage, dir.Run().ID, planned)
	}
	return report.WriteExplanation(t.out, dir, only)
}

// parseAround parses flags before and after the arguments, which it returns.
func parseAround(fs *flag.FlagSet, args []string) (plain []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			if err == flag.ErrHelp {
				return nil, err
			}
			return nil, usageError{err}
		}
		if fs.NArg() == 0 {
			return plain, nil
		}
		plain, args = append(plain, fs.Arg(0)), fs.Args()[1:]
	}
}
