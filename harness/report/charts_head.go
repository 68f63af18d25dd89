package report

import (
	"slices"
	"strings"
	"unicode"

	"aibench/harness/record"
)

// chartHead is what stands above a chart: what was measured, and how.
type chartHead struct {
	What     string    // the figure: "Time to first token"
	Subjects []subject // what answered; one where it was the same in all stages
	Notes    []string  // for the line below
}

// subject is what answered in some stages.
type subject struct {
	Stage         string // "": all
	Model, Engine string // "": unknown; "(simulated)" is part of the mock's
}

func newHead(what string, run record.Run, stages []Stage) chartHead {
	h := chartHead{What: what}
	for _, s := range stages {
		last := s.Session()
		sub := subject{Stage: s.Name, Model: oneLine(last.Model), Engine: oneLine(last.Engine)}
		if q := oneLine(last.Quant); q != "" && sub.Model != "" {
			sub.Model += " " + q
		}
		if last.Simulated && !strings.Contains(sub.Engine, "simulated") {
			sub.Engine = strings.TrimSpace(sub.Engine + " (simulated)")
		}
		h.Subjects = append(h.Subjects, sub)
	}
	if len(h.Subjects) > 0 {
		first := h.Subjects[0]
		differs := func(s subject) bool { return s.Model != first.Model || s.Engine != first.Engine }
		if !slices.ContainsFunc(h.Subjects, differs) {
			h.Subjects = []subject{{Model: first.Model, Engine: first.Engine}}
		}
	}
	if run.Partial != "" {
		h.Notes = append(h.Notes, "PARTIAL RUN")
	}
	h.Notes = append(h.Notes, "run "+run.ID)
	return h
}

// titleLines is how many lines the title has: one more for each stage where the
// stages had different subjects.
func (h chartHead) titleLines() int {
	if len(h.Subjects) < 2 {
		return 1
	}
	return 1 + len(h.Subjects)
}

// titleLine has the names of models and engines cut to so many letters; the word
// "(simulated)" is not cut.
func (h chartHead) titleLine(i, letters int) string {
	switch {
	case i == 0 && len(h.Subjects) == 1 && h.Subjects[0] != subject{}:
		return h.What + ": " + h.Subjects[0].text(letters)
	case i == 0:
		return h.What
	}
	s := h.Subjects[i-1]
	return s.Stage + ": " + s.text(letters)
}

func (s subject) text(letters int) string {
	engine, simulated := strings.CutSuffix(s.Engine, "(simulated)")
	text := shorten(s.Model, letters)
	if s.Model != "" && s.Engine != "" {
		text += " on "
	}
	text += shorten(engine, letters)
	if simulated {
		text += "(simulated)"
	}
	return text
}

func (h chartHead) notes() string { return strings.Join(h.Notes, "  ·  ") }

// shorten cuts the middle out: names of models differ at both ends.
func shorten(s string, letters int) string {
	r := []rune(s)
	if len(r) <= letters {
		return s
	}
	front := letters / 2
	return string(r[:front]) + "…" + string(r[len(r)-(letters-front-1):])
}

// oneLine makes a text of servers and models fit for a line of a chart. A letter that
// the font lacks becomes a question mark; it would vanish without a trace.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case !unicode.IsGraphic(r):
			return ' '
		case !hasGlyph(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	return strings.Join(strings.Fields(s), " ")
}
