package scenario

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Cell is one point of a sweep: everything that one benchmark name stands for.
type Cell struct {
	Benchmark string  // name after "Benchmark", e.g. "Context"
	Ctx       int     // prompt length, tokens; 0: the prompt is not chosen by length
	Users     int     // concurrent users of a closed loop; 0: not part of the name
	Requests  int     // requests of one trial; not part of the name; 0: as many as users
	Rate      float64 // requests per second of an open loop; 0: not part of the name
	Raises    Axis    // what the sweep that the cell is part of raises; not part of the name
	Suite     string  // set of written prompts that PromptID is in; "": none
	PromptID  string  // Item.ID where one written prompt is asked; "": none
}

// Axis is what a sweep raises from cell to cell until nothing works any more.
type Axis uint8

// The axes of a sweep.
const (
	ByContext Axis = iota // Cell.Ctx
	ByUsers               // Cell.Users
	ByRate                // Cell.Rate
)

// Beyond tells whether c is further along the sweep that both are part of: they differ
// in what it raises alone, and c has more of it.
func (c Cell) Beyond(o Cell) bool {
	more := false
	switch c.Raises {
	case ByContext:
		more, o.Ctx = c.Ctx > o.Ctx, c.Ctx
	case ByUsers:
		more, o.Users = c.Users > o.Users, c.Users
	case ByRate:
		more, o.Rate = c.Rate > o.Rate, c.Rate
	}
	return more && c.Raises == o.Raises && c.Name() == o.Name()
}

// Path gives the elements of the name below the benchmark, one for each nested
// b.Run, keys in fixed order: suite, prompt, rps, ctx, users.
func (c Cell) Path() []string {
	var p []string
	if c.Suite != "" {
		p = append(p, "suite="+c.Suite)
	}
	if c.PromptID != "" {
		p = append(p, "prompt="+c.PromptID)
	}
	if c.Rate > 0 {
		p = append(p, "rps="+strconv.FormatFloat(c.Rate, 'f', -1, 64))
	}
	if c.Ctx > 0 {
		p = append(p, "ctx="+strconv.Itoa(c.Ctx))
	}
	if c.Users > 0 {
		p = append(p, "users="+strconv.Itoa(c.Users))
	}
	return p
}

// SubName is the name below the benchmark, e.g. "ctx=8192/users=1".
func (c Cell) SubName() string { return strings.Join(c.Path(), "/") }

// Name is the benchmark name without the GOMAXPROCS suffix, e.g.
// "BenchmarkContext/ctx=8192/users=1".
func (c Cell) Name() string {
	return strings.Join(append([]string{"Benchmark" + c.Benchmark}, c.Path()...), "/")
}

// PerTrial is the number of requests of one trial.
func (c Cell) PerTrial() int {
	if c.Requests > 0 {
		return c.Requests
	}
	return max(c.Users, 1)
}

// Sweep lists the cells of a context sweep in the order in which they run: by
// context, ascending, so that the first failure ends the sweep at its boundary, then
// by users. Doubles are dropped. requests is Cell.Requests of each.
func Sweep(contexts, users []int, requests int) []Cell {
	var cells []Cell
	for _, ctx := range contexts {
		for _, u := range users {
			cells = append(cells, Cell{Benchmark: "Context", Ctx: ctx, Users: u, Requests: requests})
		}
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Ctx, b.Ctx), cmp.Compare(a.Users, b.Users))
	})
	return slices.Compact(cells)
}
