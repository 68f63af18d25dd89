package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aibench/harness/config"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func env(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func fromArgs(vars map[string]string, args ...string) (config.Config, error) {
	return config.FromArgs(flag.NewFlagSet("test", flag.ContinueOnError), args, env(vars))
}

func TestPrecedence(t *testing.T) {
	file := write(t, "trials: 2\nwarmup: 2\nmax_tokens: 2\nstages: {baseline: {instructions: file}, aidaptiv: {instructions: file}}\n")
	vars := map[string]string{
		"AIBENCH_CONFIG": file, "AIBENCH_WARMUP": "3", "AIBENCH_MAX_TOKENS": "3", "AIBENCH_BASELINE_INSTRUCTIONS": "variable",
		"AIBENCH_TRIALS": "", // as workflows leave it behind
	}
	c, err := fromArgs(vars, "-max-tokens", "4", "-aidaptiv-instructions=flag")
	require.NoError(t, err)
	assert.Equal(t, []int{2, 3, 4, 0}, []int{c.Trials, c.Warmup, c.MaxTokens, c.Requests})
	assert.Equal(t, "variable", c.Stages.Baseline.Instructions)
	assert.Equal(t, "flag", c.Stages.Aidaptiv.Instructions)

	c, err = fromArgs(vars, "-config", write(t, "trials: 9\n"))
	require.NoError(t, err)
	assert.Equal(t, 9, c.Trials, "-config is above AIBENCH_CONFIG")
}

// A list replaces a range of a lower layer, and the other way round; a step
// alone replaces nothing.
func TestSweepReplacedAsAWhole(t *testing.T) {
	ranged := write(t, "context_start: 512\ncontext_end: 4096\ncontext_step: 4\n")
	c, err := fromArgs(nil, "-config", ranged, "-contexts", "1024,2048")
	require.NoError(t, err)
	assert.Equal(t, []int{1024, 2048}, c.ContextList())

	listed := write(t, "contexts: [1, 2]\n")
	c, err = fromArgs(map[string]string{"AIBENCH_CONTEXT_END": "2048"}, "-config", listed)
	require.NoError(t, err)
	assert.Equal(t, []int{1024, 2048}, c.ContextList())

	_, err = fromArgs(nil, "-config", listed, "-context-step", "2")
	assert.EqualError(t, err, "flag -context-step: context_step has no effect beside contexts")
	_, err = fromArgs(nil, "-contexts", "5", "-context-end", "9")
	assert.EqualError(t, err, "flag -context-end: context_end has no effect beside contexts")
}

func TestFlagsOfTheIssue(t *testing.T) {
	c, err := fromArgs(nil, strings.Fields("-endpoint http://h:1/v1 -api chat -model m -users 1,4 -trials 3 -warmup 0 -max-tokens 8 "+
		"-timeout 90s -results out -bench Context/ctx=8192 -context-start 1024 -context-end 4096 -context-step 1024 -step-mode linear -keep-text -temperature 0.5 "+
		`-baseline-toggle process -baseline-command ["srv","a_b"] -baseline-env {"A":"b=c"} -baseline-health /up -aidaptiv-endpoint http://h:2 rest`)...)
	require.NoError(t, err)
	assert.Equal(t, []int{1024, 2048, 3072, 4096}, c.ContextList())
	half := 0.5
	want := config.Default()
	want.Endpoint, want.API, want.Model, want.Users, want.Trials, want.Warmup, want.MaxTokens = "http://h:1/v1", "chat", "m", []int{1, 4}, 3, 0, 8
	want.Timeout, want.Results, want.Bench, want.KeepText, want.Temperature = 90*time.Second, "out", "Context/ctx=8192", true, &half
	want.ContextStart, want.ContextEnd, want.ContextStep, want.StepMode = 1024, 4096, 1024, "linear"
	want.Stages.Baseline.Toggle, want.Stages.Baseline.Command = "process", []string{"srv", "a_b"}
	want.Stages.Baseline.Env, want.Stages.Baseline.Health = map[string]string{"A": "b=c"}, "/up"
	want.Stages.Aidaptiv.Endpoint = "http://h:2"
	assert.Equal(t, want, c)
}

func TestErrorsOfFlagsAndVariables(t *testing.T) {
	for _, test := range []struct {
		vars map[string]string
		args []string
		want string
	}{
		{nil, []string{"-users", "1,x"}, `flag -users: expected an integer, got "x"`},
		{nil, []string{"-users", "1,,4"}, `flag -users: expected an integer, got ""`},
		{nil, []string{"-users="}, `flag -users: the list is empty: expected integers such as 1024,2048`},
		{nil, []string{"-trials", "0"}, `flag -trials: expected at least 1, got 0`},
		{nil, []string{"-timeout", "30"}, `flag -timeout: expected a duration such as 30s, got "30"`},
		{nil, []string{"-keep-text=1"}, `flag -keep-text: expected true or false, got "1"`},
		{nil, []string{"-baseline-command", "srv -p 1"}, `flag -baseline-command: expected a JSON list of strings such as ["server","--port","{port}"]`},
		{nil, []string{"-baseline-command", `["a",null]`}, `flag -baseline-command: expected a JSON list of strings such as ["server","--port","{port}"]`},
		{nil, []string{"-contexs", "1"}, `flag -contexs: unknown flag (did you mean "contexts"?)`},
		{nil, []string{"-trials"}, `flags: flag needs an argument: -trials`},
		{nil, []string{"-config", "no/such.yaml", "-context-end", "1"}, `no/such.yaml: configuration file can't be read: no such file or directory`},
		{map[string]string{"AIBENCH_TRIALS": "many"}, nil, `environment AIBENCH_TRIALS: expected an integer, got "many"`},
		{map[string]string{"AIBENCH_AIDAPTIV_TOGGLE": "x"}, nil, `environment AIBENCH_AIDAPTIV_TOGGLE: expected one of manual, process, external, got "x"`},
		{map[string]string{"AIBENCH_BASELINE_ENV": "[]"}, nil, `environment AIBENCH_BASELINE_ENV: expected a JSON object of strings such as {"NAME":"value"}`},
		{map[string]string{"AIBENCH_BASELINE_TOGGLE": "process"}, []string{"-endpoint", "http://h"}, `environment AIBENCH_BASELINE_TOGGLE: toggle: process needs a command`},
		{map[string]string{"AIBENCH_USERS": "0"}, []string{"-warmup", "-1"}, "environment AIBENCH_USERS: expected at least 1, got 0\nflag -warmup: expected at least 0, got -1"},
	} {
		_, err := fromArgs(test.vars, test.args...)
		assert.EqualError(t, err, test.want)
		assert.ErrorIs(t, err, config.ErrUsage)
	}
}

// A file's errors and a flag's are reported together, the file's first.
func TestErrorsOfAllLayers(t *testing.T) {
	file := write(t, "nope: 1\ntrials: x\n")
	_, err := fromArgs(map[string]string{"AIBENCH_API": "x"}, "-config", file, "-users", "y")
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4)
	for i, prefix := range []string{file + ":1:1: ", file + ":2:9: ", "environment AIBENCH_API: ", "flag -users: "} {
		assert.True(t, strings.HasPrefix(lines[i], prefix), lines[i])
	}
}

func TestHelpIsPrintedOnceAndErrorsNever(t *testing.T) {
	var out bytes.Buffer
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(&out)
	_, err := config.FromArgs(fs, []string{"-help"}, nil)
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Equal(t, 1, strings.Count(out.String(), "Usage of test:"))
	assert.Contains(t, out.String(), "-max-tokens integer\n    \tinteger: output length of each request in tokens (default 64)\n")
	assert.Contains(t, out.String(), "-api text\n    \ttext: wire dialect of the requests: completions, chat, ollama (default completions)\n")

	out.Reset()
	fs = flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(&out)
	_, err = config.FromArgs(fs, []string{"-nope"}, nil)
	require.Error(t, err)
	assert.Empty(t, out.String())
}

func TestOwnFlagsAndArguments(t *testing.T) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	stage := fs.String("stage", "all", "")
	_, err := config.FromArgs(fs, []string{"-stage", "baseline", "-trials", "1", "a", "b"}, nil)
	require.NoError(t, err)
	assert.Equal(t, "baseline", *stage)
	assert.Equal(t, []string{"a", "b"}, fs.Args())
}
