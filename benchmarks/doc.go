// Package benchmarks is the suite: every scenario is a testing.B function, one file
// each, and every figure is a custom metric on its line.
//
//	go test -bench . ./benchmarks
//	go test -bench 'Context/ctx=8192' -benchtime=1x -count=6 ./benchmarks
//	go test -bench . ./benchmarks -args -endpoint http://127.0.0.1:8000/v1 -model NAME
//
// Without an endpoint the mock engine answers, inside the process, and every result
// says `engine: mockserver (simulated)`. Each key of the configuration is a flag
// after -args and an environment variable (AIBENCH_ENDPOINT, AIBENCH_MODEL, …). The
// working directory of the suite is this folder: give absolute paths.
//
// One iteration is one trial: the R requests of one cell, in a closed loop. With
// -benchtime=1x one line is one trial and -count is the sample size; with the
// default -benchtime the trials of one second share a line. stdout carries Go
// benchmark format and nothing else; progress goes to stderr.
//
// `aibench run` starts the same suite for each stage with -run-dir, which adds the
// journal, the telemetry and the ability to resume.
package benchmarks
