package record

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func saying(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// assertOnly asserts that path has the content and nothing else lies in its folder.
func assertOnly(t *testing.T, path, content string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, content, string(got))
	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, names, 1)
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "charts", "a.txt")
	require.NoError(t, WriteFile(path, saying("one")), "a missing folder is made")
	assertOnly(t, path, "one")
	require.NoError(t, WriteFile(path, saying("two")))
	assertOnly(t, path, "two")
	st, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, "-rw-r--r--", st.Mode().String())

	failed := errors.New("no figures")
	err = WriteFile(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return failed
	})
	assert.ErrorIs(t, err, failed)
	assert.EqualError(t, err, "write "+path+": no figures")
	assertOnly(t, path, "two")

	inFile := filepath.Join(path, "x")
	assert.EqualError(t, WriteFile(inFile, saying("")), "write "+inFile+": not a directory")
}

func TestNewID(t *testing.T) {
	id := NewID(time.Date(2026, 11, 21, 10, 30, 0, 999, time.FixedZone("", 3600)))
	assert.Equal(t, "20261121T093000Z", id)
	assert.NoError(t, ValidID(id))
}

func TestValidID(t *testing.T) {
	for _, id := range []string{"a", "0", "20261121T093000Z", "my-run_1.2", "CONSOLE", "com", "com10", "x.nul", strings.Repeat("a", 64)} {
		assert.NoError(t, ValidID(id))
	}
	for id, want := range map[string]string{
		"":                      "run id is empty",
		".":                     "expected a letter",
		"..":                    "expected a letter",
		".hidden":               "expected a letter",
		"-rf":                   "expected a letter",
		"a/b":                   "expected a letter",
		`a\b`:                   "expected a letter",
		"../a":                  "expected a letter",
		"a\x00":                 "expected a letter",
		"a\n":                   "expected a letter",
		"c:":                    "expected a letter",
		"ä":                     "expected a letter",
		"a b":                   "expected a letter",
		strings.Repeat("a", 65): "expected a letter",
		"a..b":                  "two dots",
		"a.":                    "a dot at the end",
		"CON":                   "device",
		"nul.txt":               "device",
		"Com1":                  "device",
		"lpt9.a.b":              "device",
	} {
		assert.ErrorContains(t, ValidID(id), want, "%q", id)
	}
	assert.Less(t, len(ValidID(strings.Repeat("a", 1<<20)).Error()), 300)
}

func FuzzValidID(f *testing.F) {
	for _, s := range []string{"a", "..", "../..", "a/../b", `..\a`, "con", "a.", "%2e%2e", "a\x00b"} {
		f.Add(s)
	}
	results := filepath.FromSlash("/data/results")
	f.Fuzz(func(t *testing.T, name string) {
		d := Dir{path: filepath.Join(results, "r")}
		for _, p := range []string{d.Journal(name), d.Bench(name), d.Results(name), d.Requests(name), d.Metrics(name), d.Metadata(name), d.Log(name)} {
			require.Equal(t, d.path, filepath.Dir(p), "no stage leads out of the run")
		}
		if name != "" {
			require.Equal(t, d.Charts(""), filepath.Dir(d.Charts(name)))
		}
		if ValidID(name) != nil {
			return
		}
		p := filepath.Join(results, name)
		require.Equal(t, results, filepath.Dir(p))
		require.Equal(t, name, filepath.Base(p))
		require.True(t, filepath.IsLocal(name))
		require.Regexp(t, regexp.MustCompile(`^[\w][\w.-]*[\w-]$|^\w$`), name)
	})
}

func TestCreateOpenUpdate(t *testing.T) {
	results := filepath.Join(t.TempDir(), "deep", "results")
	in := Run{Tool: "v1", Seed: 1<<64 - 1, Command: []string{"aibench", "run"}, Config: json.RawMessage(`{"contexts":[1024],"a":"<b>"}`),
		Stages: []string{"baseline", "aidaptiv"}, Simulated: true, Created: epoch}
	d, err := Create(results, "r1", in)
	require.NoError(t, err)
	want := in
	want.Schema, want.ID, want.Created = SchemaVersion, "r1", epoch.Truncate(time.Second)
	assert.Equal(t, want, d.Run())
	assert.Equal(t, filepath.Join(results, "r1"), d.Path())

	assertSame := func(want, got Run) {
		t.Helper()
		assert.JSONEq(t, string(want.Config), string(got.Config)) // indented in the file
		want.Config = got.Config
		assert.Equal(t, want, got)
	}
	d2, err := Open(results, "r1")
	require.NoError(t, err)
	assertSame(want, d2.Run())
	names, err := os.ReadDir(d.Path())
	require.NoError(t, err)
	require.Len(t, names, 1, "the probe file is gone")
	st, err := os.Stat(d.Path())
	require.NoError(t, err)
	assert.Equal(t, "drwxr-xr-x", st.Mode().String())

	require.NoError(t, d2.Update(func(r *Run) { r.Partial = "interrupted"; r.ID = "other"; r.Schema = 9 }))
	want.Partial = "interrupted"
	assertSame(want, d2.Run())
	require.NoError(t, d.Update(func(r *Run) { r.Seed = 1 }))
	want.Seed = 1
	assertSame(want, d.Run()) // the other's update is not lost

	_, err = Create(results, "r1", in)
	assert.EqualError(t, err, "run r1 exists already in "+results+": continue it with -run-id r1 -stage NAME, or give another -run-id: file already exists")
	names, err = os.ReadDir(results)
	require.NoError(t, err)
	assert.Len(t, names, 1)

	got := d.Run()
	got.Stages[0] = "changed"
	assert.Equal(t, "baseline", d.Run().Stages[0], "Run returns a copy")
}

func TestUpdateConcurrent(t *testing.T) {
	results := t.TempDir()
	_, err := Create(results, "r", Run{})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		d, err := Open(results, "r") // as different processes would
		require.NoError(t, err)
		wg.Go(func() {
			for range 5 {
				assert.NoError(t, d.Update(func(r *Run) { r.Seed++ }))
			}
		})
	}
	wg.Wait()
	d, err := Open(results, "r")
	require.NoError(t, err)
	assert.EqualValues(t, 20, d.Run().Seed)
}

// TestCreateRace has several create one run: exactly one may succeed.
func TestCreateRace(t *testing.T) {
	results := t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, errs[i] = Create(results, "r", Run{Seed: uint64(i)}) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		if err != nil {
			assert.ErrorIs(t, err, os.ErrExist)
			assert.ErrorContains(t, err, "run r exists already in ")
			continue
		}
		assert.Equal(t, -1, won, "two created one run")
		won = i
	}
	d, err := Open(results, "r")
	require.NoError(t, err)
	assert.EqualValues(t, won, d.Run().Seed)
}

func TestCreateErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Create(file, "r", Run{})
	assert.EqualError(t, err, "results folder "+file+": can't be made: not a directory")
	_, err = Create(t.TempDir(), "../r", Run{})
	assert.ErrorContains(t, err, `run id "../r"`)
	dir := t.TempDir()
	_, err = Create(dir, "r", Run{Config: json.RawMessage("{")})
	assert.Error(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "a failed Create leaves nothing")
}

func TestOpenErrors(t *testing.T) {
	results := t.TempDir()
	_, err := Open(results, "none")
	assert.EqualError(t, err, "run none: none in "+results+": file does not exist")
	_, err = Open(results, "..")
	assert.ErrorContains(t, err, "expected a letter")
	for content, want := range map[string]string{
		`{"schema":2}`: ": schema version 2: this aibench reads version 1 only",
		`{}`:           ": schema version 0: this aibench reads version 1 only",
		`{`:            ": unexpected end of JSON input",
	} {
		path := filepath.Join(results, "r", "run.json")
		require.NoError(t, WriteFile(path, saying(content)))
		_, err = Open(results, "r")
		assert.EqualError(t, err, "run file "+path+want)
	}
}

func TestPaths(t *testing.T) {
	d := Dir{path: "r"}
	got := []string{d.Journal("baseline"), d.Bench("baseline"), d.Results("baseline"), d.Requests("baseline"), d.Metrics("baseline"),
		d.Metadata("baseline"), d.Log("baseline"), d.Charts("ttft_comparison.png"), d.Charts(""), d.Charts("../../x")}
	want := []string{"journal_baseline.jsonl", "bench_baseline.txt", "results_baseline.json", "requests_baseline.csv", "metrics_baseline.csv",
		"metadata_baseline.json", "server_baseline.log", "charts/ttft_comparison.png", "charts", "charts/_._.._x"}
	for i := range want {
		assert.Equal(t, filepath.Join("r", filepath.FromSlash(want[i])), got[i])
	}
}

func TestFreeSpace(t *testing.T) {
	free, ok := FreeSpace(t.TempDir()).Get()
	if !ok {
		t.Skip("this system does not tell its free space")
	}
	assert.Positive(t, free)
	assert.False(t, FreeSpace(filepath.Join(t.TempDir(), "none")).Has())
	t.Logf("%d MiB free", free>>20)
}
