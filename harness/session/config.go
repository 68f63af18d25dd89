package session

import (
	"io"
	"time"

	"aibench/harness/client"
	"aibench/harness/engine"
	"aibench/harness/record"
)

// Config says what a session measures and where it leaves the records.
type Config struct {
	Stage   string      // "baseline" or "aidaptiv"
	Version string      // of aibench, for the records
	Dir     *record.Dir // the run directory; nil: nothing is written

	Engine engine.Config
	Client client.Config

	Trials      int      // planned trials a cell, for the time left; 0: unknown
	Warmup      int      // requests before a cell's first trial, counted nowhere
	Temperature *float64 // nil: the server's default
	TopP        *float64 // nil: the server's default
	Seed        uint64   // of prompts and sampling
	Salt        string   // makes prompts differ between stages; "": both stages send the same bytes
	SLO         string   // objectives of goodput, for the records; "": none
	Continue    bool     // go on to larger contexts after one that failed

	Clock      string // base URL of a stamping server to calibrate against (package calibrate); "": not calibrated
	ClockUsers []int  // concurrent users of the run, to calibrate at

	ServerState    string        // state file of the watched server process; "": nobody watches it
	SampleInterval time.Duration // telemetry tick; 0: no telemetry

	Progress io.Writer // a line a trial, for people
	Terminal bool      // Progress is a terminal: draw a bar
}
