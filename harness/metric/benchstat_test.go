package metric_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchstat runs the tool that go.mod names, in dir.
func benchstat(t *testing.T, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	tool, err := exec.Command("go", "tool", "-n", "benchstat").Output()
	require.NoError(t, err)
	var out, errs bytes.Buffer
	cmd := exec.Command(strings.TrimSpace(string(tool)), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	require.NoError(t, cmd.Run(), errs.String())
	return out.String(), errs.String()
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, b, 0o644))
}

func parse(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return x
}

// csvMedians returns both medians of a benchmark in the table of a unit, from
// benchstat's CSV: a line with the unit heads each table.
func csvMedians(t *testing.T, out, unit, name string) [2]float64 {
	t.Helper()
	in := csv.NewReader(strings.NewReader(out))
	in.FieldsPerRecord = -1
	records, err := in.ReadAll()
	require.NoError(t, err)
	inTable := false
	for _, r := range records {
		if len(r) > 3 && r[0] == "" && r[2] == "CI" {
			inTable = r[1] == unit
		}
		if inTable && r[0] == name {
			return [2]float64{parse(t, r[1]), parse(t, r[3])}
		}
	}
	require.Fail(t, "no row", "%s of %s in:\n%s", unit, name, out)
	return [2]float64{}
}
