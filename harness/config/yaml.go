package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// YAML writes c as a configuration file, canonically: all keys in the order of
// the struct, but for those whose zero means "not given". Parsing it gives c
// again; two configurations are the same if these bytes are.
func (c Config) YAML() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	open := ""
	for _, s := range settings() {
		v := s.field(&c)
		if isAbsent(v) && !s.hasDefault {
			continue
		}
		path := strings.Split(s.key, ".")
		parent := strings.Join(path[:len(path)-1], ".")
		if parent != open {
			if open == "" {
				b.WriteString(path[0] + ":\n")
			}
			b.WriteString("  " + path[1] + ":\n")
			open = parent
		}
		fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat("  ", len(path)-1), s.name, s.flow(v))
	}
	return b.Bytes(), nil
}

// isAbsent is true of a zero, and of an empty list or mapping.
func isAbsent(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}

// flow is a value on one line.
func (s setting) flow(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return quoted(x)
	case []int, []float64:
		return "[" + strings.ReplaceAll(s.text(v), ",", ", ") + "]"
	case []string:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = quoted(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]string:
		var parts []string
		for _, k := range sortedKeys(x) {
			parts = append(parts, quoted(k)+": "+quoted(x[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return s.text(v)
}

// plain is text that YAML takes for text without quotes.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*$`)

// quoted is a JSON string, which YAML reads as it stands, unless the text is
// harmless without quotes.
func quoted(s string) string {
	if plain.MatchString(s) && !isWord(s) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("config: " + err.Error()) // strings always marshal
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// isWord is true of words that some YAML version takes for something else.
func isWord(s string) bool {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return true
	}
	return false
}
