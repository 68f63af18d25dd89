package record_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"aibench/harness/record"
)

// A stage measures one trial, is cut off within the second, and goes on.
func Example() {
	results, err := os.MkdirTemp("", "results")
	check(err)
	defer os.RemoveAll(results)
	dir, err := record.Create(results, "demo", record.Run{Tool: "v0", Stages: []string{"baseline"}, Simulated: true})
	check(err)

	const cell = "Context/ctx=1024/users=1"
	measure := func(trials ...int) {
		j, _, err := record.OpenJournal(dir.Journal("baseline"))
		check(err)
		defer j.Close()
		_, err = j.Begin(record.Session{Stage: "baseline", Epoch: time.Now(), Engine: "mockserver (simulated)"})
		check(err)
		for _, trial := range trials {
			check(j.Request(&record.Request{Cell: cell, Trial: trial, Outcome: record.OK,
				Start: record.Some[int64](1_000_000), First: record.Some[int64](41_000_000)}))
			if trial == 2 {
				return // the first request of trial 2 was the last thing that happened
			}
			check(j.Trial(record.Trial{Cell: cell, Trial: trial, Start: 1, End: 2}))
		}
	}
	measure(1, 2)

	stage, err := record.ReadLogFile(dir.Journal("baseline"))
	check(err)
	for _, t := range stage.Finished(cell) {
		ttft, ok := t.Requests[0].TTFT().Get()
		fmt.Println("trial", t.Trial.Trial, "TTFT", time.Duration(ttft), ok)
	}
	_, ended := stage.LastEnd()
	fmt.Println("unfinished requests:", len(stage.Orphans()), "ended:", ended)
	check(record.WriteFile(dir.Requests("baseline"), func(w io.Writer) error {
		return record.WriteRequestsCSV(w, "baseline", stage)
	}))

	_, err = record.Create(results, "../elsewhere", record.Run{})
	fmt.Println(err)

	// Output:
	// trial 1 TTFT 40ms true
	// unfinished requests: 1 ended: false
	// run id "../elsewhere": expected a letter or digit, then at most 63 letters, digits, dots, dashes and underscores
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
