package report

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aibench/harness/compare"
	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/stats"
	"aibench/harness/verdict"
)

// WriteRun writes every derived file of the run and returns the paths of all files
// that the run directory then holds, the most useful first.
func WriteRun(dir *record.Dir) ([]string, error) {
	stages, err := loadAll(dir)
	if err != nil {
		return nil, err
	}
	for _, s := range stages {
		if err := WriteStage(dir, s); err != nil {
			return nil, err
		}
	}
	if len(stages) == 2 {
		err := record.WriteFile(filepath.Join(dir.Path(), "comparison.json"), func(w io.Writer) error {
			return compare.WriteJSON(w, Compare(stages[0], stages[1]))
		})
		if err != nil {
			return nil, err
		}
	}
	if err := WriteCharts(dir, stages); err != nil {
		return nil, err
	}
	return listFiles(dir, stages), nil
}

// loadAll reads the run's stages that have begun, in the order of the plan.
func loadAll(dir *record.Dir) ([]Stage, error) {
	var stages []Stage
	for _, name := range dir.Run().Stages {
		s, err := Load(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	return stages, nil
}

// WriteStage writes the derived files of one stage.
func WriteStage(dir *record.Dir, s Stage) error {
	return errors.Join(
		record.WriteFile(dir.Bench(s.Name), func(w io.Writer) error { return writeBench(w, s) }),
		record.WriteFile(dir.Results(s.Name), func(w io.Writer) error { return writeResults(w, dir.Run(), s) }),
		record.WriteFile(dir.Requests(s.Name), func(w io.Writer) error { return record.WriteRequestsCSV(w, s.Name, s.Log) }),
	)
}

func writeBench(w io.Writer, s Stage) error {
	var lines []metric.Line
	for _, c := range s.Cells {
		lines = append(lines, c.Lines...)
	}
	return metric.WriteFile(w, Facts(s.Session()), lines)
}

// Facts are the configuration lines of a benchmark file: what splits figures that
// must not be compared. The stage is told by the file. A name that a server gives may
// hold anything; here it is one line.
func Facts(s record.Session) []metric.KeyValue {
	line := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	return []metric.KeyValue{{Key: "engine", Value: line(s.Engine)}, {Key: "model", Value: line(s.Model)}, {Key: "quant", Value: line(s.Quant)}}
}

// results is the shape of results_{stage}.json.
type results struct {
	Schema    int          `json:"schema"`
	Run       string       `json:"run"`
	Stage     string       `json:"stage"`
	Engine    string       `json:"engine"`
	Model     string       `json:"model"`
	Simulated bool         `json:"simulated"`
	Sessions  int          `json:"sessions"`
	Ended     string       `json:"ended"` // reason of the last End line; "": cut off
	Cells     []resultCell `json:"cells"`
	Notes     []string     `json:"notes"`
}

type resultCell struct {
	Name     string                 `json:"name"`
	Ctx      int                    `json:"ctx,omitempty"`
	Trials   int                    `json:"trials"`
	Outcomes map[record.Outcome]int `json:"outcomes"`
	verdict.Validity
	NotRun  string            `json:"not_run,omitempty"`
	Metrics map[string]figure `json:"metrics"` // by unit, over the trials
}

// figure sums up a unit over the trials that have it.
type figure struct {
	N      int                 `json:"n"`
	Median float64             `json:"median"`
	Lo     record.Opt[float64] `json:"lo,omitzero"` // 95 % interval of the median; absent below 6 trials
	Hi     record.Opt[float64] `json:"hi,omitzero"`
	Mean   float64             `json:"mean"`
	Min    float64             `json:"min"`
	Max    float64             `json:"max"`
}

func writeResults(w io.Writer, run record.Run, s Stage) error {
	last := s.Session()
	r := results{Schema: record.SchemaVersion, Run: run.ID, Stage: s.Name, Engine: last.Engine, Model: last.Model,
		Simulated: last.Simulated, Sessions: len(s.Log.Sessions), Cells: []resultCell{}, Notes: []string{}}
	if end, ok := s.Log.LastEnd(); ok {
		r.Ended = end.Reason
	}
	for _, n := range s.Log.Notes {
		r.Notes = append(r.Notes, n.Text)
	}
	for _, c := range slices.Concat(s.Cells, s.Steps) {
		outcomes := c.Outcomes
		if outcomes == nil {
			outcomes = map[record.Outcome]int{}
		}
		r.Cells = append(r.Cells, resultCell{Name: c.Name, Ctx: c.Ctx, Trials: len(c.Trials), Outcomes: outcomes,
			Validity: c.Validity, NotRun: c.NotRun, Metrics: figures(c.Lines)})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

func figures(lines []metric.Line) map[string]figure {
	samples := map[string][]float64{}
	for _, l := range lines {
		for _, v := range l.Values {
			samples[v.Unit] = append(samples[v.Unit], v.Value)
		}
	}
	out := map[string]figure{}
	for unit, xs := range samples {
		f := figure{N: len(xs), Median: stats.Median(xs), Mean: stats.Mean(xs), Min: stats.Min(xs), Max: stats.Max(xs)}
		if ci := stats.MedianCI(xs, 0.95); ci.OK {
			f.Lo, f.Hi = record.Some(ci.Lo), record.Some(ci.Hi)
		}
		out[unit] = f
	}
	return out
}

// listFiles names what is there, the most useful first.
func listFiles(dir *record.Dir, stages []Stage) []string {
	candidates := []string{dir.Charts("ttft_comparison.png"), dir.Charts("ttft_comparison.svg"),
		dir.Charts("ram_timeline.png"), dir.Charts("ram_timeline.svg")}
	perStage := []func(string) string{dir.Bench, dir.Results, dir.Requests, dir.Metrics, dir.Metadata, dir.Journal, dir.Log}
	for _, path := range perStage {
		for _, s := range stages {
			candidates = append(candidates, path(s.Name))
		}
	}
	for _, name := range []string{"comparison.json", "run.json", "config.yaml"} {
		candidates = append(candidates, filepath.Join(dir.Path(), name))
	}
	var there []string
	for _, c := range candidates {
		if _, err := os.Stat(c); err == nil {
			there = append(there, c)
		}
	}
	return there
}
