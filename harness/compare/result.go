package compare

import "aibench/harness/record"

// Verdict is the answer to "what did B change?".
type Verdict string

// The verdicts. No verdict at all is the empty string: one side has no figure, or
// neither direction of the unit is better.
const (
	Better       Verdict = "better"
	Worse        Verdict = "worse"
	Same         Verdict = "same"
	Inconclusive Verdict = "inconclusive"
)

// Summary is a side's sample of one unit in one cell.
type Summary struct {
	N      int                 `json:"n"`               // trials with this figure; 0: none, and nothing below
	Median record.Opt[float64] `json:"median,omitzero"` // in the unit
	Lo     record.Opt[float64] `json:"lo,omitzero"`     // interval of the median; absent with too few trials
	Hi     record.Opt[float64] `json:"hi,omitzero"`
}

// Change is what became of one unit in one cell from A to B.
type Change struct {
	Unit string  `json:"unit"`
	A    Summary `json:"a"`
	B    Summary `json:"b"`

	Percent record.Opt[float64] `json:"percent,omitzero"` // change of the median; absent where a side has none, or A's is 0
	Lo      record.Opt[float64] `json:"lo,omitzero"`      // its interval, in percent; absent with too few trials, or zeros in A
	Hi      record.Opt[float64] `json:"hi,omitzero"`

	P             record.Opt[float64] `json:"p,omitzero"`                      // Mann-Whitney, two-sided, as benchstat's
	PHolm         record.Opt[float64] `json:"p_holm,omitzero"`                 // the same, corrected over the cells of this unit
	MinDetectable record.Opt[float64] `json:"min_detectable_percent,omitzero"` // what these trials show with probability stats.Power

	Verdict Verdict         `json:"verdict"`
	Trials  record.Opt[int] `json:"trials_needed,omitzero"` // of an inconclusive one: estimate of the trials a side that would do
	Note    string          `json:"note,omitempty"`         // why there is no verdict, or none but inconclusive
}

// Side is one side of a row.
type Side struct {
	Outcome   string   `json:"outcome"`             // for people: "ok 6/6", "OOM (GPU) 6/6", "not run"
	Failures  []string `json:"failures,omitempty"`  // for people: classes other than ok, "timeout 1/6"
	OK        bool     `json:"ok"`                  // requests were made, and all were ok
	NotRun    string   `json:"not_run,omitempty"`   // why it was not run
	Invalid   []string `json:"invalid,omitempty"`   // why its figures don't count
	Estimated bool     `json:"estimated,omitempty"` // speeds rest on counted chunks
}

// Row is one cell of either side.
type Row struct {
	Cell    string   `json:"cell"`
	Ctx     int      `json:"ctx,omitempty"` // 0: none
	A       Side     `json:"a"`
	B       Side     `json:"b"`
	Changes []Change `json:"changes"` // in the order of the catalogue, other units behind
}

// Change returns the change of a unit, and whether a side has a figure of it.
func (r Row) Change(unit string) (Change, bool) {
	for _, c := range r.Changes {
		if c.Unit == unit {
			return c, true
		}
	}
	return Change{}, false
}

// MaxStable is the longest context of each side up to which every request of every
// trial was ok and no cell INVALID; absent where already the shortest failed.
type MaxStable struct {
	Group   string          `json:"group"` // cells it is of: their name without ctx
	A       record.Opt[int] `json:"a,omitzero"`
	B       record.Opt[int] `json:"b,omitzero"`
	Longest int             `json:"longest"` // context of either side: a side that reaches it may be stable beyond
}

// Result is a whole comparison.
type Result struct {
	A         string      `json:"a"` // name of the stage
	B         string      `json:"b"`
	Config    Config      `json:"config"`
	Rows      []Row       `json:"rows"`       // grouped by everything but ctx, then by ctx
	MaxStable []MaxStable `json:"max_stable"` // one a group that has contexts, in the order of Rows
	Method    string      `json:"method"`     // how it was judged, for people
	Warnings  []string    `json:"warnings,omitempty"`
}
