package report_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/report"
)

// measure stands for a session: one trial of one request.
func measure(dir *record.Dir, stage string) error {
	j, _, err := record.OpenJournal(dir.Journal(stage))
	if err != nil {
		return err
	}
	defer j.Close()
	if _, err := j.Begin(record.Session{Stage: stage, Engine: "mockserver (simulated)", Model: "m"}); err != nil {
		return err
	}
	const cell = "BenchmarkContext/ctx=1024/users=1"
	r := record.Request{Cell: cell, Trial: 1, Outcome: record.OK, Start: record.Some[int64](1e9), First: record.Some[int64](1.25e9)}
	if err := j.Request(&r); err != nil {
		return err
	}
	return j.Trial(record.Trial{Cell: cell, Trial: 1, Start: 1e9, End: 2e9})
}

// A run of one stage: all files that follow from its journal, and its figures.
func Example() {
	tmp, err := os.MkdirTemp("", "report")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir, err := record.Create(tmp, "demo", record.Run{Stages: []string{"baseline"}})
	if err != nil {
		log.Fatal(err)
	}
	if err := measure(dir, "baseline"); err != nil {
		log.Fatal(err)
	}

	files, err := report.WriteRun(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	stage, err := report.Load(dir, "baseline")
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range stage.Cells {
		ttft, _ := c.Lines[0].Get(metric.TTFT)
		fmt.Println(c.Name, metric.Format(metric.TTFT, ttft), c.Validity.Status)
	}
	// Output:
	// ttft_comparison.png
	// ttft_comparison.svg
	// bench_baseline.txt
	// results_baseline.json
	// requests_baseline.csv
	// journal_baseline.jsonl
	// run.json
	// BenchmarkContext/ctx=1024/users=1 250 ms VALID
}
