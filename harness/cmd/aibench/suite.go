package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// suiteName is the file name of the compiled suite, as `go test -c` gives it.
const suiteName = "benchmarks.test"

// findSuite returns the path of the compiled suite: the one that was named, the one
// beside this program, or one that is built now from the source tree around us.
func findSuite(ctx context.Context, given string, progress io.Writer) (string, error) {
	if given != "" {
		if _, err := os.Stat(given); err != nil {
			return "", usagef("suite: %w", err)
		}
		return filepath.Abs(given)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("suite: own executable: %w", err)
	}
	name := suiteName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	beside := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	return buildSuite(ctx, name, progress)
}

func buildSuite(ctx context.Context, name string, progress io.Writer) (string, error) {
	missing := errors.New("suite: no compiled suite beside aibench and no aibench source tree here: put " + name +
		" beside it, name one with -suite, or start aibench inside the source tree")
	mod, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return "", missing
	}
	path, root, _ := strings.Cut(strings.TrimSpace(string(mod)), " ")
	if path != "aibench" {
		return "", missing
	}
	out := filepath.Join(root, ".cache", "bin", name)
	fmt.Fprintln(progress, "building the suite")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", out, "./benchmarks")
	build.Dir, build.Stdout, build.Stderr = root, progress, progress
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("suite: go test -c: %w", err)
	}
	return out, nil
}

// lastWords is the error with which the suite ended, as its log has it; "" for none.
func lastWords(log string) string {
	b, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	line := strings.TrimSpace(string(b))
	line = line[strings.LastIndexByte(line, '\n')+1:]
	words, ok := strings.CutPrefix(line, suiteError)
	if !ok {
		return ""
	}
	return words
}

// suiteError begins the line with which a failing suite ends its log.
const suiteError = "aibench suite: "

// tee writes to a file and to people. What can't be shown is still kept.
type tee struct{ keep, show io.Writer }

func (t tee) Write(p []byte) (int, error) {
	t.show.Write(p)
	return t.keep.Write(p)
}
