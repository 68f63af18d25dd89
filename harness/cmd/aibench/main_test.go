package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// bin holds the programs as a user has them: aibench with the compiled suite beside
// it. A run starts processes by these paths, so they have to be real.
var bin string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "aibench-bin-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	for _, v := range os.Environ() { // what a person set for a run of their own
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AIBENCH_") {
			os.Unsetenv(name)
		}
	}
	for _, build := range [][]string{
		{"build", "-o", filepath.Join(dir, "aibench"), "aibench/harness/cmd/aibench"},
		{"test", "-c", "-o", filepath.Join(dir, suiteName), "aibench/benchmarks"},
	} {
		if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %v: %v\n%s", build, err, out)
			return 1
		}
	}
	return m.Run()
}

// TestScripts runs testdata/script: how the commands behave, from outside.
//
// PORT is a free port of the script's own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			port, err := freePort()
			if err != nil {
				return err
			}
			env.Setenv("PORT", strconv.Itoa(port))
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		RequireExplicitExec: true,
	})
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func TestRedactArgs(t *testing.T) {
	got := redactArgs("run", []string{"-endpoint", "http://u:p@h/v1", "-aidaptiv-env", `{"HF_TOKEN":"x"}`, `-baseline-command=["s","--key","x"]`, "-trials", "6"})
	require.Equal(t, []string{"aibench", "run", "-endpoint", "http://[redacted]@h/v1", "-aidaptiv-env", "[redacted]",
		"-baseline-command=[redacted]", "-trials", "6"}, got)
}
