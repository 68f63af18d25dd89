package benchmarks

import (
	"flag"
	"regexp"
	"strings"

	"aibench/harness/scenario"
)

// matching keeps the cells that -bench selects, by package testing's rule: parts between
// slashes are matched each against its level of the name, and of several patterns
// between bars any one will do; slashes and bars within brackets are the regular
// expression's own.
func matching(cells []scenario.Cell) []scenario.Cell {
	patterns := splitPattern(flag.Lookup("test.bench").Value.String())
	var kept []scenario.Cell
	for _, c := range cells {
		for _, parts := range patterns {
			if selects(parts, strings.Split(c.Name(), "/")) {
				kept = append(kept, c)
				break
			}
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

// splitPattern gives the alternatives of a pattern, each as its levels. testing has
// refused a pattern that is none before it comes here.
func splitPattern(pattern string) [][]*regexp.Regexp {
	var all [][]*regexp.Regexp
	var levels []*regexp.Regexp
	begin, depth, class := 0, 0, false
	end := func(i int) {
		levels = append(levels, regexp.MustCompile(pattern[begin:i]))
		begin = i + 1
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '/' && depth == 0:
			end(i)
		case c == '|' && depth == 0:
			end(i)
			all, levels = append(all, levels), nil
		}
	}
	end(len(pattern))
	return append(all, levels)
}
