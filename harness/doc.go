// Package harness holds the library that the suite in benchmarks and the command
// aibench are made of: a pipeline of small packages, each a folder below this one.
//
// The way of the data:
//
//  1. config reads what the user wants: one YAML file, flags, environment.
//  2. stage puts the machine into baseline or aidaptiv: it pauses for a person, or
//     starts, watches and stops a server process.
//  3. session is one measuring process. calibrate tells it the client's own error
//     first. For each trial it asks
//  4. scenario for the cell's prompts (WHAT), of a length that
//  5. engine counts with the server's own tokenizer (WHO), lets
//  6. load start the requests (WHEN), which
//  7. client makes and stamps (HOW), has
//  8. verdict name the outcome of each, and writes all of it to the journal of
//  9. record (WHAT HAPPENED) before the next trial. telemetry writes beside it what
//     the machine did meanwhile.
//     capacity decides, where objectives are given, which load meets them.
//  10. metric computes the figures of a trial from its requests, and is the one
//     writer of benchmark lines;
//  11. compare sets stage against stage with stats, and
//  12. report makes the files, tables and charts. Steps 10 to 12 read journals only,
//     so they can be repeated at any time.
//
// Imports go one way; deps_test.go holds them as data. The mock engine, mockserver,
// lives outside and shares no code with any of this.
//
// # Run directory
//
//	results/<run-id>/
//	  run.json                   the plan and how the run was made
//	  config.yaml                configuration as planned, secrets redacted
//	  config_{stage}.yaml        the same with the flags that the stage was run by
//	  journal_{stage}.jsonl      write-ahead: every request with every arrival, every trial
//	  bench_{stage}.txt          Go benchmark format, a line a trial
//	  results_{stage}.json       per cell: figures, outcome counts, validity
//	  requests_{stage}.csv       a row a request
//	  metrics_{stage}.csv        a row a telemetry tick
//	  metadata_{stage}.json      machine, server and model as found
//	  comparison.json            stage against stage
//	  charts/                    PNG and SVG
//	  suite_{stage}.log, server_{stage}.log, server_{stage}.json
//
// Journals, metrics and metadata are measured; all else is rebuilt from the journals
// by `aibench report`.
package harness
