package compare_test

import (
	"os"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
)

// trials makes the lines of a cell: one a TTFT (ms), with a decode speed of 45 tok/s.
func trials(name string, ttftMS ...float64) []metric.Line {
	var lines []metric.Line
	for _, t := range ttftMS {
		lines = append(lines, metric.Line{Name: name, Procs: 1, Iterations: 1, Values: []metric.Value{
			{Unit: metric.TTFT, Value: t * 1e6}, {Unit: metric.Decode, Value: 45}, {Unit: metric.OKShare, Value: 100},
		}})
	}
	return lines
}

// A sweep that fails in the baseline, and goes on with aiDAPTIV.
func Example() {
	const short, long = "BenchmarkContext/ctx=8192", "BenchmarkContext/ctx=32768"
	ok := map[record.Outcome]int{record.OK: 6}
	baseline := compare.Stage{Name: "baseline", Cells: []compare.Cell{
		{Name: short, Ctx: 8192, Outcomes: ok, Lines: trials(short, 810, 822, 801, 815, 808, 819)},
		{Name: long, Ctx: 32768, Outcomes: map[record.Outcome]int{record.OOMGPU: 6}},
	}}
	aidaptiv := compare.Stage{Name: "aidaptiv", Cells: []compare.Cell{
		{Name: short, Ctx: 8192, Outcomes: ok, Lines: trials(short, 905, 921, 899, 914, 910, 902)},
		{Name: long, Ctx: 32768, Outcomes: ok, Lines: trials(long, 41200, 41800, 40100, 41500, 41000, 42000)},
	}}
	r := compare.Stages(baseline, aidaptiv, compare.DefaultConfig())
	r.Method = "" // long
	if err := compare.WriteTable(os.Stdout, r); err != nil {
		panic(err)
	}
	// Output:
	// A = baseline, B = aidaptiv
	//
	// BenchmarkContext
	//        TTFT                                    decode tok/s                  outcome                verdict
	//   ctx       A       B  change [95 %]              A     B  change [95 %]     A              B       TTFT   decode
	//  8192  812 ms  908 ms  +11.7 % [+10.3, +13.1]  45.0  45.0  0.0 % [0.0, 0.0]  ok 6/6         ok 6/6  worse  same
	// 32768       -  41.4 s  only B                     -  45.0  only B            OOM (GPU) 6/6  ok 6/6  -      -
	// max stable context: baseline 8192, aidaptiv 32768 (the longest tried)
}
