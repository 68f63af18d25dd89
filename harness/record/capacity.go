package record

// Capacity is the outcome of one capacity search. The requests that it rests on stand
// in the trials of the cells below its own: Cell + "/users=8".
type Capacity struct {
	Type       string         `json:"type"` // "capacity"
	Session    int            `json:"session"`
	Cell       string         `json:"cell"`              // benchmark name without the GOMAXPROCS suffix
	Search     int            `json:"search"`            // number of the search of this cell, from 1
	Procs      int            `json:"procs"`             // GOMAXPROCS of the client
	SLO        string         `json:"slo"`               // the objectives
	MaxOK      Opt[int]       `json:"max_ok,omitzero"`   // largest load shown to meet them; absent: none was
	MinFail    Opt[int]       `json:"min_fail,omitzero"` // smallest load shown to miss one; absent: none was
	Confidence float64        `json:"confidence"`        // least probability that the capacity lies between them, 0 to 1
	Requests   int            `json:"requests"`          // of all steps
	Complete   bool           `json:"complete"`          // the search had come to its end
	Steps      []CapacityStep `json:"steps"`             // in their order
	Warnings   []string       `json:"warnings"`          // what speaks against the bracket, or limits it
}

// CapacityStep is the decision at one load.
type CapacityStep struct {
	Load     int    `json:"load"` // users
	Verdict  string `json:"verdict"`
	Requests int    `json:"requests"`
	Reason   string `json:"reason"` // for people
}
