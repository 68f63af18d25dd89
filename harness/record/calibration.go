package record

// Calibration is the client's own error, measured against a server of known timing on
// the same machine before a session's first trial.
type Calibration struct {
	Type    string             `json:"type"` // "calibration"
	Session int                `json:"session"`
	Levels  []CalibrationLevel `json:"levels"` // by Users, ascending
	// LimitUsers is the first power of two above the run's users at which the client
	// is the limit; absent where it was not up to TriedUsers.
	LimitUsers Opt[int] `json:"limit_users,omitzero"`
	TriedUsers int      `json:"tried_users"`
}

// CalibrationLevel is one load of a calibration. Errors are the client's figure minus
// the server's, in ns: positive is late.
type CalibrationLevel struct {
	Users    int `json:"users"`    // concurrent streams
	Requests int `json:"requests"` // that were ok; each is one sample of TTFT
	Failed   int `json:"failed"`   // that were not
	Events   int `json:"events"`   // with text; each is one sample of an arrival

	Arrival Spread `json:"arrival_err_ns"` // arrival of an event - the instant at which the server wrote it
	First   Spread `json:"first_err_ns"`   // the same of each request's first event: the error of its TTFT
	Gap     Spread `json:"gap_err_ns"`     // |gap between two arrivals - gap between the two writes|
	Queue   Spread `json:"queue_ns"`       // start - intended: what the client itself made wait

	CPUShare   Opt[float64] `json:"cpu_share,omitzero"` // of all cores, used by the client, 0 to 1; absent where the system doesn't tell
	EventsRate float64      `json:"events_per_s"`       // events with text that arrived
	Stamp      string       `json:"stamp"`              // who took the instants: kernel, user, or mixed
}

// Spread sums up a sample of durations in ns.
type Spread struct {
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"` // of fewer than 100 samples it is little but the maximum
	Max int64 `json:"max"`
}
