//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// The transcripts of the README are what a reader gets: each ```console block is run
// in a copy of the tree, one shell a block, and its output held against the text.
// "..." stands for any lines; numbers, their units, run ids and verdicts may differ,
// since they are measured.
func TestREADMETranscripts(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the whole demo")
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	tree := copyTree(t)
	blocks := regexp.MustCompile("(?ms)^```console\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, blocks)
	for i, b := range blocks {
		commands, wanted := parseTranscript(b[1])
		t.Run(commands[0], func(t *testing.T) {
			got := runBlock(t, tree, commands)
			for j := range commands {
				require.NoError(t, matchLines(wanted[j], got[j]), "block %d, $ %s\n--- output:\n%s", i+1, commands[j], strings.Join(got[j], "\n"))
			}
		})
	}
}

func parseTranscript(block string) (commands []string, wanted [][]string) {
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\n")
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			commands, wanted = append(commands, c), append(wanted, nil)
			continue
		}
		wanted[len(wanted)-1] = append(wanted[len(wanted)-1], line)
	}
	return commands, wanted
}

// runBlock runs the commands in one shell and returns the lines that each wrote.
func runBlock(t *testing.T, dir string, commands []string) [][]string {
	t.Helper()
	const mark = "==== end of command ===="
	script := "exec 2>&1\nset -e\n"
	for _, c := range commands {
		script += c + "\necho '" + mark + "'\n"
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	// This test may run below make, and a make below make is more talkative.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") || strings.HasPrefix(v, "AIBENCH_")
	})
	// Whether a cell passes the calibration depends on what else the machine does.
	cmd.Env = append(cmd.Env, "AIBENCH_CALIBRATE=false")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var got [][]string
	for part := range strings.SplitSeq(string(out), mark+"\n") {
		got = append(got, strings.Split(strings.TrimRight(part, "\n"), "\n"))
	}
	return got
}

// matchLines holds lines against a transcript.
func matchLines(wanted, got []string) error {
	at, anywhere := 0, false
	for _, w := range wanted {
		if w == "..." {
			anywhere = true
			continue
		}
		found := -1
		for i := at; i < len(got); i++ {
			if shape(got[i]) == shape(w) {
				found = i
				break
			}
			if !anywhere {
				return fmt.Errorf("want %q\ngot  %q", w, got[i])
			}
		}
		if found < 0 {
			return fmt.Errorf("no line like %q", w)
		}
		at, anywhere = found+1, false
	}
	if rest := len(got) - at; rest > 0 && !anywhere && strings.Join(got[at:], "") != "" {
		return fmt.Errorf("%d lines more than in the README, the first: %q", rest, got[at])
	}
	return nil
}

// stamp is a run id made of the time.
var stamp = regexp.MustCompile(`\d{8}T\d{6}Z`)

var shapes = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\b(better|worse|same|inconclusive)\b`), "VERDICT"},
	{regexp.MustCompile(`N[kKMGmµn]?s?(N[ms])?`), "N"},
	{regexp.MustCompile(`N (ns|µs|ms|s)\b`), "N"},
	{regexp.MustCompile(`\s+`), " "},
}

// number is a figure; which cell and trial it belongs to is not measured.
var number = regexp.MustCompile(`(ctx=|users=|trial \d+/)?[+-]?\d+(\.\d+)?`)

// shape is a line without what is measured.
func shape(line string) string {
	line = stamp.ReplaceAllString(line, "RUN")
	line = number.ReplaceAllStringFunc(line, func(s string) string {
		if strings.ContainsAny(s, "=/") {
			return s
		}
		return "N"
	})
	for _, s := range shapes {
		line = s.re.ReplaceAllString(line, s.to)
	}
	return strings.TrimSpace(line)
}

// copyTree copies the source tree, so that what the README's commands write is not
// written here.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	skip := []string{".git", ".cache", "results"}
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			if slices.Contains(skip, rel) {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(dir, rel), 0o755)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, rel), b, 0o644)
	}))
	return dir
}

func TestMatchLinesCanFail(t *testing.T) {
	require.NoError(t, matchLines([]string{"a 1.5 ms", "...", "c"}, []string{"a 20 s", "b", "c"}))
	require.Error(t, matchLines([]string{"a 1.5 ms"}, []string{"b 20 s"}))
	require.Error(t, matchLines([]string{"a", "c"}, []string{"a", "b", "c"}))
	require.Error(t, matchLines([]string{"a"}, []string{"a", "b"}))
	require.Error(t, matchLines([]string{"...", "d"}, []string{"a", "b"}))
	require.Error(t, matchLines([]string{"ok 6/6 ok"}, []string{"ok 6/6 OOM"}))
}
