package metric_test

import (
	"fmt"
	"os"

	"aibench/harness/metric"
	"aibench/harness/record"
)

// From the stamps of a request to a benchmark line.
func Example() {
	r := record.Request{
		Outcome:          record.OK,
		Intended:         record.Some[int64](1_000_000),
		Start:            record.Some[int64](1_500_000),
		First:            record.Some[int64](401_500_000),
		Last:             record.Some[int64](2_401_500_000),
		PromptTokens:     record.Some(1024),
		CompletionTokens: record.Some(65),
	}
	ttft, ok := metric.OfRequest(r).Get(metric.TTFT)
	fmt.Println(metric.Format(metric.TTFT, ttft), ok)

	trial := record.Trial{Cell: "BenchmarkContext/ctx=1024/users=1", Trial: 1, Start: 0, End: 2_500_000_000, Procs: 2, Requests: 1}
	values := metric.OfTrial(trial, []record.Request{r})
	for _, v := range values[:3] {
		fmt.Println(v.Unit, v.Value)
	}
	line := metric.Line{Name: trial.Cell, Procs: trial.Procs, Iterations: 1, Values: values[:2]}
	if err := metric.WriteLine(os.Stdout, line); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 400 ms true
	// ttft-ns 4e+08
	// ttft-sched-ns 4.005e+08
	// decode-tok/s 32
	// BenchmarkContext/ctx=1024/users=1-2	       1	 400000000 ttft-ns	 400500000 ttft-sched-ns
}
