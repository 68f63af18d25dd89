package telemetry

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"aibench/harness/record"
)

func appendHeader(b []byte) []byte {
	b = append(b, atColumn...)
	for _, c := range columns {
		b = append(append(b, ','), c.name...)
	}
	return append(append(append(b, ','), sessionColumn...), '\n')
}

func appendTick(b []byte, t *Tick) []byte {
	b = strconv.AppendInt(b, t.At, 10)
	for _, c := range columns {
		b = append(b, ',')
		if c.share != nil {
			if v, ok := c.share(t).Get(); ok {
				b = strconv.AppendFloat(b, v, 'g', -1, 64)
			}
		} else if v, ok := c.whole(t).Get(); ok {
			b = strconv.AppendInt(b, v, 10)
		}
	}
	b = append(b, ',')
	return append(strconv.AppendInt(b, int64(t.Session), 10), '\n')
}

// ReadCSV reads the rows of all sessions. Columns are found by name: one that is
// missing is absent in every tick, one that is unknown is passed over, so that
// files of older and newer versions can be read.
//
// A process that was killed may leave a torn row, the last of its session: it has
// no line end, or an empty line follows, with which the next session begins. Such
// a row is dropped if it can't be read, or if its session is lower than that of
// the row before. That is why the session comes last in a row: any tear shows in
// it. Any other bad row is an error.
func ReadCSV(r io.Reader) ([]Tick, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	lines := strings.Split(string(data), "\n")
	cells, err := readHeader(strings.TrimSuffix(lines[0], "\r"))
	if err != nil {
		return nil, fmt.Errorf("telemetry: line 1: %w", err)
	}
	var ticks []Tick
	for i := 1; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\r")
		if line == "" {
			continue
		}
		last := i+1 == len(lines) // without a line end
		mayBeTorn := last || (lines[i+1] == "" && i+2 < len(lines))
		t, err := readRow(line, cells)
		if err == nil && len(ticks) > 0 && t.Session < ticks[len(ticks)-1].Session {
			err = fmt.Errorf("session %d after session %d", t.Session, ticks[len(ticks)-1].Session)
		}
		switch {
		case err == nil && !last:
			ticks = append(ticks, t)
		case !mayBeTorn:
			return nil, fmt.Errorf("telemetry: line %d: %w", i+1, err)
		}
	}
	return ticks, nil
}

type readCell func(t *Tick, value string) error

func readHeader(line string) ([]readCell, error) {
	known := map[string]readCell{
		atColumn:      func(t *Tick, v string) (err error) { t.At, err = strconv.ParseInt(v, 10, 64); return },
		sessionColumn: func(t *Tick, v string) (err error) { t.Session, err = strconv.Atoi(v); return },
	}
	for _, c := range columns {
		known[c.name] = func(t *Tick, v string) error { return readOpt(c, t, v) }
	}
	required := map[string]bool{atColumn: true, sessionColumn: true}
	seen := map[string]bool{}
	var cells []readCell
	for name := range strings.SplitSeq(line, ",") {
		if seen[name] {
			return nil, fmt.Errorf("column %q twice", name)
		}
		seen[name] = true
		delete(required, name)
		cells = append(cells, known[name]) // nil: unknown, passed over
	}
	if len(required) > 0 {
		return nil, errors.New("not a telemetry file: columns at_ns and session are needed")
	}
	return cells, nil
}

func readRow(line string, cells []readCell) (Tick, error) {
	var t Tick
	values := strings.Split(line, ",")
	if len(values) != len(cells) {
		return t, fmt.Errorf("%d cells where the header has %d", len(values), len(cells))
	}
	for i, read := range cells {
		if read == nil {
			continue
		}
		if err := read(&t, values[i]); err != nil {
			return t, fmt.Errorf("cell %d: %w", i+1, err)
		}
	}
	return t, nil
}

func readOpt(c column, t *Tick, value string) error {
	if value == "" {
		return nil
	}
	if c.share != nil {
		v, err := strconv.ParseFloat(value, 64)
		if err == nil && !(v >= 0 && v <= 1) {
			err = fmt.Errorf("%s: %s is no share", c.name, value)
		}
		if err == nil {
			*c.share(t) = record.Some(v)
		}
		return err
	}
	v, err := strconv.ParseInt(value, 10, 64)
	if err == nil {
		*c.whole(t) = record.Some(v)
	}
	return err
}
