package record

import "time"

// SchemaVersion counts the changes of the journal's and run.json's shape. A run
// of another version is refused, never guessed at.
const SchemaVersion = 1

// Session is one uninterrupted measuring process. A stage has one, or several when
// it was killed and resumed.
type Session struct {
	Type      string    `json:"type"`    // "session"
	Session   int       `json:"session"` // from 1
	Schema    int       `json:"schema"`  // SchemaVersion of the writer
	Stage     string    `json:"stage"`   // "baseline" or "aidaptiv"
	Epoch     time.Time `json:"epoch"`   // wall clock at the session's monotonic zero
	PID       int       `json:"pid"`
	Version   string    `json:"version"` // of aibench
	Engine    string    `json:"engine"`  // e.g. "mockserver (simulated)", "ollama 0.6.5"
	Model     string    `json:"model"`
	Quant     string    `json:"quant,omitempty"`     // quantisation of the model as the server names it; "": it doesn't
	Simulated bool      `json:"simulated,omitempty"` // the engine is the mock
	SLO       string    `json:"slo,omitempty"`       // the objectives that goodput and capacity are about; "": none
}

// Trial is one benchmark iteration that has ended: its line is written after the
// lines of all its requests, so a trial without it never counts.
type Trial struct {
	Type     string `json:"type"`     // "trial"
	Session  int    `json:"session"`  // that measured it
	Cell     string `json:"cell"`     // benchmark name without the GOMAXPROCS suffix
	Trial    int    `json:"trial"`    // from 1
	Start    int64  `json:"start_ns"` // ns since the session's epoch
	End      int64  `json:"end_ns"`   // ns since the session's epoch
	Procs    int    `json:"procs"`    // GOMAXPROCS of the client
	Requests int    `json:"requests"` // request lines that belong to it
}

// NotRun says why a planned cell was not measured.
type NotRun struct {
	Type    string `json:"type"` // "not_run"
	Session int    `json:"session"`
	Cell    string `json:"cell"`
	Reason  string `json:"reason"`
}

// Note is a remark on the run that a reader of its figures must see, such as a torn
// line that was dropped.
type Note struct {
	Type    string `json:"type"` // "note"
	Session int    `json:"session"`
	Text    string `json:"text"`
}

// End closes a session in good order. A journal without one after its last session
// was cut off.
type End struct {
	Type    string `json:"type"` // "end"
	Session int    `json:"session"`
	Reason  string `json:"reason"` // EndComplete, EndInterrupted or EndServerDead
	Detail  string `json:"detail,omitempty"`
}

// Reasons of an End line.
const (
	EndComplete    = "complete"    // all planned cells were measured or recorded as not run
	EndInterrupted = "interrupted" // Ctrl-C or q; the stage can be continued
	EndFailed      = "failed"      // we could not go on; Detail says why. The stage can be continued
	EndServerDead  = "server_dead" // the server is gone; Detail says how
)
