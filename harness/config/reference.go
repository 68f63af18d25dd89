package config

import (
	"fmt"
	"strings"
)

// Reference is the Markdown table of every key: its flag, its environment
// variable, its default and its meaning. The documentation holds a copy, and a
// test compares the two.
func Reference() string {
	var b strings.Builder
	b.WriteString("| key | flag | environment | default | meaning |\n|---|---|---|---|---|\n")
	for _, s := range settings() {
		fmt.Fprintf(&b, "| `%s` | `-%s` | `%s` | %s | %s |\n", s.key, s.flag, s.env, s.shownDefault(), s.meaning())
	}
	return b.String()
}

func (s setting) shownDefault() string {
	if s.def == "" {
		return ""
	}
	return "`" + s.def + "`"
}

func (s setting) meaning() string {
	text := s.help
	if s.enum != nil {
		var names []string
		for _, e := range s.enum {
			if e != "" {
				names = append(names, "`"+e+"`")
			}
		}
		text += ": " + strings.Join(names, ", ")
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
