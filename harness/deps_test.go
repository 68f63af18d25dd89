package harness

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allowed says which of our packages each package may import. Imports go one way:
// whatever is not listed is forbidden, and a package that is not listed has no room in
// the house.
var allowed = map[string][]string{
	"harness":           {},
	"harness/config":    {},
	"harness/scenario":  {},
	"harness/record":    {},
	"harness/stats":     {},
	"harness/version":   {},
	"fixtures":          {},
	"mockserver":        {}, // shares no code with the client: a common bug would be invisible
	"harness/load":      {},
	"harness/client":    {"harness/record"},
	"harness/engine":    {"harness/scenario", "harness/record", "harness/client"},
	"harness/telemetry": {"harness/record"},
	"harness/verdict":   {"harness/record", "harness/stats"},
	"harness/stage":     {"harness/record"},
	"harness/calibrate": {"harness/record", "harness/stats", "harness/client", "harness/load"},
	"harness/capacity":  {"harness/record", "harness/stats", "harness/metric"},
	"harness/metric":    {"harness/record", "harness/stats"},
	"harness/compare":   {"harness/record", "harness/stats", "harness/metric"},
	"harness/report": {"harness/record", "harness/stats", "harness/metric", "harness/compare",
		"harness/verdict", "harness/telemetry", "harness/capacity"},
	"harness/session": {"harness/scenario", "harness/load", "harness/record", "harness/client", "harness/engine",
		"harness/stage", "harness/telemetry", "harness/verdict", "harness/metric", "harness/calibrate"},

	"benchmarks":                {"*"},
	"harness/cmd/aibench":       {"*"},
	"mockserver/cmd/mockserver": {"mockserver"},
	"fixtures/cmd/mkgguf":       {},
	"ci/check":                  {}, // reads files as a user would
}

func TestImportsGoOneWay(t *testing.T) {
	for path, imports := range ourPackages(t) {
		may, listed := allowed[path]
		if !assert.True(t, listed, "package %s is not in the table of allowed imports", path) {
			continue
		}
		for _, imp := range imports {
			assert.True(t, slices.Contains(may, imp) || slices.Contains(may, "*"), "%s must not import %s", path, imp)
		}
	}
}

func TestTableNamesOnlyPackagesThatExist(t *testing.T) {
	there := ourPackages(t)
	for path := range allowed {
		assert.Contains(t, there, path)
	}
}

// Percentiles, units and words of LLMs have one home each.
func TestUnitsAreSpelledInMetricOnly(t *testing.T) {
	out, err := exec.Command("grep", "-rlE", `"[a-z0-9-]+-(ns|tok/s)"`, "--include=*.go", "--exclude=*_test.go", "..").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil // nothing found
	}
	require.NoError(t, err)
	for file := range strings.FieldsSeq(string(out)) {
		assert.Contains(t, file, "/metric/", "%s spells a unit", file)
	}
}

// ourPackages lists every package of the module with those of the module that it
// imports, test files apart, by path without the module's name.
func ourPackages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "aibench/...")
	out, err := cmd.Output()
	require.NoError(t, err)
	found := map[string][]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else {
			require.NoError(t, err)
		}
		ours := []string{}
		for _, imp := range p.Imports {
			if rest, ok := strings.CutPrefix(imp, "aibench/"); ok {
				ours = append(ours, rest)
			}
		}
		found[strings.TrimPrefix(p.ImportPath, "aibench/")] = ours
	}
}
