package metric

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	nounPattern  = regexp.MustCompile(`^Benchmark[A-Z][A-Za-z0-9]*$`)
	keyPattern   = regexp.MustCompile(`^[a-z][a-z0-9._]*$`)
	valuePattern = regexp.MustCompile(`^[a-z0-9._]+$`)
)

// ValidName checks the name of a cell, without GOMAXPROCS suffix:
// Benchmark<Noun>/key=value/key=value with keys and values of [a-z0-9._] and each
// key once. benchstat can project only key=value, and takes a trailing "-8" for
// GOMAXPROCS.
func ValidName(name string) error {
	parts := strings.Split(name, "/")
	if !nounPattern.MatchString(parts[0]) {
		return fmt.Errorf("benchmark name %q: want Benchmark<Noun>, got %q", name, parts[0])
	}
	seen := make(map[string]bool)
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		switch {
		case !ok:
			return fmt.Errorf("benchmark name %q: want key=value, got %q", name, part)
		case !keyPattern.MatchString(key) || !valuePattern.MatchString(value):
			return fmt.Errorf("benchmark name %q: want [a-z0-9._] in key and value, got %q", name, part)
		case seen[key]:
			return fmt.Errorf("benchmark name %q: key %q twice", name, key)
		}
		seen[key] = true
	}
	return nil
}

// Key returns the value of a key in a benchmark name, and whether it has one:
// Key("BenchmarkContext/ctx=8192/users=1", "ctx") is "8192".
func Key(name, key string) (string, bool) {
	for _, part := range strings.Split(name, "/")[1:] {
		if k, v, ok := strings.Cut(part, "="); ok && k == key {
			return v, true
		}
	}
	return "", false
}
