package main

import (
	"context"
	"flag"
	"strings"

	"aibench/harness/capacity"
	"aibench/harness/config"
)

// capacityBench selects the benchmark that searches.
const capacityBench = "^BenchmarkCapacity$"

// capacityCommand is a run of one stage whose only benchmark is the search for the
// most users that meet the objectives:
//
//	aibench capacity -slo ttft-p90=10s,decode=20tok/s -ctx 16384
//
// It searches once at each context, or so often as -trials says, and can be continued
// as any run can, with -run-id.
func capacityCommand(ctx context.Context, args []string, t terminal) error {
	return measureCommand(ctx, longContexts(args), t, kind{name: "capacity", stage: "baseline", adjust: capacityConfig})
}

// longContexts lets -ctx stand for -contexts, as the benchmarks' names spell it.
func longContexts(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		name, value, has := strings.Cut(a, "=")
		if name == "-ctx" || name == "--ctx" {
			if a = "-contexts"; has {
				a += "=" + value
			}
		}
		out[i] = a
	}
	return out
}

func capacityConfig(fs *flag.FlagSet, cfg *config.Config, saved bool) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["bench"] {
		return usagef("capacity runs its own benchmark: leave -bench away, or use aibench run -bench Capacity")
	}
	if cfg.SLO == "" {
		return usagef("capacity needs objectives, such as -slo ttft-p90=10s,decode=20tok/s")
	}
	slo, err := capacity.Parse(cfg.SLO)
	if err != nil {
		return usagef("slo: %w", err)
	}
	if _, _, err := capacity.Prepare(slo, capacity.UsersUpTo(cfg.Users), capacity.StepRequests); err != nil {
		return usageError{err}
	}
	cfg.Bench = capacityBench
	if !given["trials"] && !saved {
		cfg.Trials = 1
	}
	return nil
}
