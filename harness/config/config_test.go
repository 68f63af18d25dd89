package config_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"aibench/harness/config"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Every field of the configuration has a key, a flag, a variable and a sentence,
// all different. (That its type has a codec, Default and FromArgs would panic.)
func TestEveryFieldIsDescribed(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(config.Reference()), "\n")[2:]
	keys := fieldKeys(t, reflect.TypeFor[config.Config](), "")
	require.Len(t, rows, len(keys))
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	_, err := config.FromArgs(fs, nil, nil)
	require.NoError(t, err)
	seen := map[string]bool{}
	for i, row := range rows {
		cells := strings.Split(row, " | ")
		require.Len(t, cells, 5, row)
		key, name, variable := unquote(cells[0]), unquote(cells[1]), unquote(cells[2])
		assert.Equal(t, keys[i], key)
		assert.Regexp(t, `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`, key)
		require.NotNil(t, fs.Lookup(strings.TrimPrefix(name, "-")), name)
		assert.Equal(t, "AIBENCH_"+strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(name, "-"), "-", "_")), variable)
		assert.Greater(t, len(cells[4]), 20, "help of %s", key)
		assert.False(t, seen[name], "%s twice", name)
		seen[name] = true
	}
}

func fieldKeys(t *testing.T, typ reflect.Type, prefix string) []string {
	var keys []string
	for f := range typ.Fields() {
		require.NotEmpty(t, f.Tag.Get("key"), f.Name)
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, fieldKeys(t, f.Type, prefix+f.Tag.Get("key")+".")...)
			continue
		}
		keys = append(keys, prefix+f.Tag.Get("key"))
	}
	return keys
}

func unquote(cell string) string { return strings.Trim(cell, "| `") }

func TestReferenceFile(t *testing.T) {
	want := "# Configuration\n\nOne YAML file, strict; every key is also a flag and an environment variable.\n" +
		"Precedence: flag, environment, file, default. Written by `go test ./harness/config -update`.\n\n" + config.Reference()
	if *update {
		require.NoError(t, os.WriteFile("reference.md", []byte(want), 0o644))
	}
	got, err := os.ReadFile("reference.md")
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "run go test ./harness/config -update")
}

// The defaults as the documentation promises them.
func TestDefault(t *testing.T) {
	zero := 0.0
	stage := config.Stage{Toggle: "manual", Health: "/health", ReadyTimeout: 5 * time.Minute, StopTimeout: 10 * time.Second}
	assert.Equal(t, config.Config{
		API: "completions", StepMode: "geometric", Users: []int{1}, Rates: []float64{1, 2, 4, 8}, RateDuration: 10 * time.Second, Trials: 6, Warmup: 1, MaxTokens: 64, Temperature: &zero,
		Timeout: 10 * time.Minute, StallTimeout: time.Minute, OnFailure: "stop", Salt: "auto", Results: "results", Bench: "Context",
		Calibrate: true, SampleInterval: 200 * time.Millisecond, MockProfile: "8b-on-16gb", Stages: config.Stages{Baseline: stage, Aidaptiv: stage},
	}, config.Default())
	require.NoError(t, config.Default().Validate())

	// Nothing is shared between two of them.
	a, b := config.Default(), config.Default()
	a.Users[0], *a.Temperature = 9, 9
	assert.Equal(t, 1, b.Users[0])
	assert.Zero(t, *b.Temperature)
}

func TestContextList(t *testing.T) {
	doubling := []int{1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072}
	for _, test := range []struct {
		c    config.Config
		want []int
	}{
		{config.Config{}, doubling},
		{config.Default(), doubling},
		{config.Config{Contexts: []int{4096, 512, 4096}}, []int{512, 4096}},
		{config.Config{ContextStart: 1000, ContextEnd: 5000}, []int{1000, 2000, 4000, 5000}},
		{config.Config{ContextStart: 1, ContextEnd: 100, ContextStep: 10}, []int{1, 10, 100}},
		{config.Config{ContextStart: 100, ContextEnd: 350, ContextStep: 100, StepMode: "linear"}, []int{100, 200, 300, 350}},
		{config.Config{ContextStart: 7, ContextEnd: 7}, []int{7}},
		{config.Config{ContextStart: 7, ContextEnd: 9, ContextStep: 100, StepMode: "linear"}, []int{7, 9}},
		{config.Config{ContextStart: math.MaxInt / 3, ContextEnd: math.MaxInt}, []int{math.MaxInt / 3, math.MaxInt / 3 * 2, math.MaxInt}},
		// What Validate refuses gives nothing, and ends.
		{config.Config{ContextStart: 9, ContextEnd: 7}, nil},
		{config.Config{ContextStart: -9}, nil},
		{config.Config{ContextStep: 1}, nil},
		{config.Config{ContextStep: -2, StepMode: "linear"}, nil},
		{config.Config{StepMode: "linear"}, nil},
		{config.Config{ContextStep: 1, StepMode: "linear"}, nil},
	} {
		got := test.c.ContextList()
		assert.Equal(t, test.want, got, "%+v", test.c)
	}
}

// Validate stands by itself for a Config made in code; its errors have no place.
func TestValidate(t *testing.T) {
	c := config.Default()
	c.Trials, c.API, c.Users, c.Timeout = 0, "x", nil, -time.Second
	c.Stages.Aidaptiv.Toggle = "process"
	c.Endpoint = "http://h"
	assert.EqualError(t, c.Validate(), strings.Join([]string{
		`api: expected one of completions, chat, ollama, got "x"`,
		`users: the list is empty: expected at least one integer`,
		`trials: expected at least 1, got 0`,
		`timeout: expected at least 1ms, got -1s`,
		`stages.aidaptiv.command: toggle: process needs a command`,
	}, "\n"))
	assert.ErrorIs(t, c.Validate(), config.ErrUsage)
	_, err := c.YAML()
	assert.Equal(t, c.Validate(), err)
}

func TestStage(t *testing.T) {
	c := config.Default()
	c.Endpoint = "http://127.0.0.1:{port}/v1"
	c.Stages.Aidaptiv = config.Stage{Dir: "/tmp/{run}", Command: []string{"s", "--port={port}", "{run}"}, Env: map[string]string{"H": "127.0.0.1:{port}"}}
	before := c.Redacted()
	s, err := c.Stage("aidaptiv")
	require.NoError(t, err)
	assert.True(t, s.NeedsPort())
	assert.Equal(t, config.Stage{
		Endpoint: "http://127.0.0.1:8123/v1", Dir: "/tmp/r1", Command: []string{"s", "--port=8123", "r1"}, Env: map[string]string{"H": "127.0.0.1:8123"},
	}, s.Expand(8123, "r1"))
	assert.Equal(t, before, c, "Expand changes a copy")
	_, err = c.Stage("aidaptive")
	assert.EqualError(t, err, `unknown stage "aidaptive" (did you mean "aidaptiv"?): expected baseline or aidaptiv`)
}

func TestRedacted(t *testing.T) {
	c, err := config.Parse("f", []byte(`
endpoint: http://me:s3cret@host:1/v1
api_key_env: MY_KEY
stages:
  baseline:
    toggle: process
    command: [s, --api-key, s3cret, --max-tokens, 5, --token=s3cret, --header, "x: s3cret-hf", --hub-token, --quiet, --proxy, "http://u:s3cret@p", --tokenizer, t]
    env: {HF_TOKEN: s3cret-hf, db_password: s3cret, PROXY: "https://u:s3cret@h", MAX_TOKENS: 5, MONKEYS: 3, EMPTY_KEY: ""}
  aidaptiv: {endpoint: "http://s3cret@h"}
`))
	require.NoError(t, err)
	before, err := c.YAML()
	require.NoError(t, err)
	r := c.Redacted()
	assert.Equal(t, "http://[redacted]@host:1/v1", r.Endpoint)
	assert.Equal(t, "http://[redacted]@h", r.Stages.Aidaptiv.Endpoint)
	assert.Equal(t, "MY_KEY", r.APIKeyEnv)
	assert.Equal(t, []string{"s", "--api-key", "[redacted]", "--max-tokens", "5", "--token=[redacted]", "--header", "x: [redacted]", "--hub-token", "--quiet", "--proxy", "http://[redacted]@p", "--tokenizer", "t"}, r.Stages.Baseline.Command)
	assert.Equal(t, map[string]string{"HF_TOKEN": "[redacted]", "db_password": "[redacted]", "PROXY": "https://[redacted]@h", "MAX_TOKENS": "5", "MONKEYS": "3", "EMPTY_KEY": ""}, r.Stages.Baseline.Env)
	after, err := c.YAML()
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the original is untouched")

	// What a run directory holds can be read again.
	y, err := r.YAML()
	require.NoError(t, err)
	assert.NotContains(t, string(y), "s3cret")
	again, err := config.Parse("run", y)
	require.NoError(t, err)
	assert.Equal(t, r, again)
}

// Any valid configuration survives being written and read.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c := random(rng)
		y, err := c.YAML()
		require.NoError(t, err)
		got, err := config.Parse("f", y)
		require.NoError(t, err, "%s", y)
		require.Equal(t, c, got, "%s", y)
	}
}

var letters = []rune("ab: #-'\"\\{[]},&*!|>%@`\t\n\r\u00e9\u2028\u0085\ufeff\x7f\x1b~01.\U0001F600")

func text(rng *rand.Rand) string {
	r := make([]rune, 1+rng.IntN(12))
	for i := range r {
		r[i] = letters[rng.IntN(len(letters))]
	}
	// What only a shell, or nobody, would expand is refused elsewhere.
	return regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(string(r), "")
}

func random(rng *rand.Rand) config.Config {
	c := config.Default()
	c.Endpoint = "https://user:%5B@[::1]:1/v1/"
	c.Model, c.Prompts, c.Results = text(rng), text(rng), "r"+text(rng)
	c.Users = rng.Perm(5)[:1+rng.IntN(4)]
	for i := range c.Users {
		c.Users[i]++
	}
	c.Requests, c.Warmup, c.Seed, c.KeepText = rng.IntN(3), rng.IntN(3), rng.Uint64(), rng.IntN(2) == 0
	c.Timeout = time.Duration(1+rng.Int64N(1e6)) * time.Millisecond
	c.StallTimeout = time.Duration(rng.Int64N(3)) * time.Hour
	p := 0.001 + rng.Float64()*0.99
	c.TopP = &p
	switch rng.IntN(3) {
	case 0:
		c.Contexts, c.Temperature = []int{1 + rng.IntN(9), 100}, nil
	case 1:
		c.StepMode, c.ContextStep, c.ContextStart = "linear", 1000+rng.IntN(1000), 1+rng.IntN(1000)
	}
	c.Stages.Baseline.Toggle, c.Stages.Baseline.Instructions = "manual", text(rng)
	c.Stages.Aidaptiv = config.Stage{
		Toggle: "process", Endpoint: "http://h/" + strings.Repeat("x", rng.IntN(3)), Command: []string{"s" + text(rng), text(rng), ""},
		Dir: text(rng), Env: map[string]string{"A": text(rng), "B": ""}, Health: "/" + text(rng), ReadyTimeout: time.Minute, StopTimeout: 90 * time.Second,
	}
	return c
}
