package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"aibench/harness/metric"
	"aibench/harness/record"
	"aibench/harness/verdict"
)

// Selection narrows what WriteExplanation shows.
type Selection struct {
	Stage string // name of the only stage; "": all that were measured
	Cell  string // part of the names of the cells; "": all
}

// WriteExplanation prints, for each stage and cell of a run, what the same requests come
// to by the definitions of other tools, who uses each, and why they differ.
func WriteExplanation(w io.Writer, dir *record.Dir, only Selection) error {
	stages, err := selected(dir, only)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeHead(&b, dir.Run(), stages); err != nil {
		return err
	}
	fmt.Fprintf(&b, "The same requests by the definitions of other tools: medians over the trials of the median over their ok\n"+
		"requests. \"vs ours\" is the difference to the definition of this suite.\n\n%s\n", metric.Symbols)
	for _, s := range stages {
		for _, c := range s.Cells {
			explainCell(&b, s.Name, c)
		}
	}
	writeTools(&b)
	_, err = w.Write(b.Bytes())
	return err
}

// selected loads the stages and leaves in them the cells that were asked for. What
// matches nothing is an error: an empty table would look like a result.
func selected(dir *record.Dir, only Selection) ([]Stage, error) {
	all, err := loadAll(dir)
	if err != nil {
		return nil, err
	}
	id := dir.Run().ID
	if len(all) == 0 {
		return nil, fmt.Errorf("run %s: nothing has been measured", id)
	}
	var stages []Stage
	var names []string
	for _, s := range all {
		if only.Stage != "" && s.Name != only.Stage {
			continue
		}
		kept := s
		kept.Cells = nil
		for _, c := range s.Cells {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
			if strings.Contains(c.Name, only.Cell) {
				kept.Cells = append(kept.Cells, c)
			}
		}
		stages = append(stages, kept)
	}
	if len(stages) == 0 {
		return nil, fmt.Errorf("run %s: stage %s has not been measured", id, only.Stage)
	}
	if !slices.ContainsFunc(stages, func(s Stage) bool { return len(s.Cells) > 0 }) {
		return nil, fmt.Errorf("run %s: no cell with %q in its name: there are %s", id, only.Cell, strings.Join(names, ", "))
	}
	return stages, nil
}

func explainCell(b *bytes.Buffer, stage string, c Cell) {
	fmt.Fprintf(b, "\n%s  %s", stage, strings.TrimPrefix(c.Name, "Benchmark"))
	if c.NotRun != "" {
		fmt.Fprintf(b, "\n%s\n", wrapped("not run: "+c.NotRun, explainWidth, ""))
		return
	}
	var rs []record.Request
	for _, t := range c.Trials {
		rs = append(rs, t.Requests...)
	}
	fmt.Fprintf(b, "  %s, %s: %s\n", plural(len(c.Trials), "trial"), plural(len(rs), "request"), outcomeCounts(rs))
	if c.Validity.Status != verdict.Valid {
		fmt.Fprintln(b, wrapped(string(c.Validity.Status)+": "+strings.Join(c.Validity.Reasons, "; "), explainWidth, ""))
	}
	why := metric.CausesOf(c.Trials)
	if why.Requests == 0 {
		fmt.Fprintln(b, "no ok request, so there is no figure by any definition")
		return
	}
	writeDialects(b, c.Trials)
	fmt.Fprintf(b, "\n%s\n", wrapped(explanation(why), explainWidth, ""))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeTools says, once, how each tool counts tokens and where its definitions were read.
func writeTools(b *bytes.Buffer) {
	fmt.Fprintln(b, "\nThe tools, how each counts n, and where that was read (repository, path, @commit):")
	for _, tool := range metric.Tools() {
		line := tool.Name + ": "
		if tool.Tokens != "" {
			line += tool.Tokens + ". "
		}
		fmt.Fprintln(b, wrapped(line+strings.Join(sources(tool.Name), ", "), explainWidth, "  "))
	}
}

func sources(tool string) []string {
	var all []string
	for _, d := range metric.Dialects() {
		for _, u := range d.Uses {
			if u.Tool == tool && !slices.Contains(all, u.Source) {
				all = append(all, u.Source)
			}
		}
	}
	return all
}
