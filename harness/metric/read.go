package metric

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"golang.org/x/perf/benchfmt"
)

// ReadFile reads a benchmark file as WriteFile or `go test -bench` wrote it; name
// is for error messages. Values are in the units of the file, and any unit is
// accepted. Lines that are neither results nor configuration (PASS, ok) are passed
// over, as in all tools of this format; a broken line of results is an error, and
// so is a configuration line that changes between results, since what is under
// different configurations must not be taken for one sample.
func ReadFile(r io.Reader, name string) ([]Line, []KeyValue, error) {
	in := benchfmt.NewReader(r, name)
	var lines []Line
	var config []KeyValue
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, nil, rec
		case *benchfmt.Result:
			c := configOf(rec)
			if len(lines) > 0 && !slices.Equal(c, config) {
				file, line := rec.Pos()
				return nil, nil, fmt.Errorf("%s:%d: configuration differs from the lines before: %v, was %v", file, line, c, config)
			}
			config = c
			lines = append(lines, lineOf(rec))
		}
	}
	if err := in.Err(); err != nil {
		return nil, nil, fmt.Errorf("read %w", err)
	}
	return lines, config, nil
}

// configOf copies the configuration, sorted: a key that was unset and set again
// has moved in rec.
func configOf(rec *benchfmt.Result) []KeyValue {
	var config []KeyValue
	for _, c := range rec.Config {
		config = append(config, KeyValue{c.Key, string(c.Value)})
	}
	slices.SortFunc(config, func(a, b KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	return config
}

// lineOf copies a result, which its reader will overwrite.
func lineOf(rec *benchfmt.Result) Line {
	full, procs := string(rec.Name), 1
	if _, parts := rec.Name.Parts(); len(parts) > 0 {
		suffix := string(parts[len(parts)-1])
		if n, err := strconv.Atoi(suffix[min(1, len(suffix)):]); err == nil && suffix[0] == '-' {
			full, procs = full[:len(full)-len(suffix)], n
		}
	}
	l := Line{Name: "Benchmark" + full, Procs: procs, Iterations: rec.Iters}
	for _, v := range rec.Values {
		value := Value{v.Unit, v.Value}
		if v.OrigUnit != "" {
			value = Value{v.OrigUnit, v.OrigValue}
		}
		value.Value = unfiled(value)
		l.Values = append(l.Values, value)
	}
	return l
}
