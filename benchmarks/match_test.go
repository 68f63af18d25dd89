package benchmarks

import (
	"flag"
	"regexp"
	"strings"

	"aibench/harness/scenario"
)

// matching keeps the cells that -bench selects, by package testing's rule: the
// pattern's parts between slashes are matched each against its level of the name. It
// is for the progress only; testing does the selecting. Alternatives with a slash
// inside (A/x|B/y) are taken as matching everything.
func matching(cells []scenario.Cell) []scenario.Cell {
	pattern := flag.Lookup("test.bench").Value.String()
	var parts []*regexp.Regexp
	for p := range strings.SplitSeq(pattern, "/") {
		re, err := regexp.Compile(p)
		if err != nil || strings.ContainsAny(p, "|()") {
			return cells
		}
		parts = append(parts, re)
	}
	var kept []scenario.Cell
	for _, c := range cells {
		if selects(parts, strings.Split(c.Name(), "/")) {
			kept = append(kept, c)
		}
	}
	return kept
}

func selects(parts []*regexp.Regexp, name []string) bool {
	for i, level := range name {
		if i < len(parts) && !parts[i].MatchString(level) {
			return false
		}
	}
	return true
}
