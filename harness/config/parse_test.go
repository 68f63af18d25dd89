package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aibench/harness/config"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is a stage that is right, for files whose mistake is elsewhere.
const process = "endpoint: http://h\nstages:\n  baseline:\n    toggle: process\n    endpoint: http://127.0.0.1:{port}\n    command: [server, \"{port}\"]\n"

func TestBadFiles(t *testing.T) {
	for _, test := range []struct {
		name, file string
		want       []string
	}{
		{"unknown key", "trials: 3\nendpiont: http://x\n", []string{`f.yaml:2:1: unknown key "endpiont" (did you mean "endpoint"?)`}},
		{"unknown key, nothing near", "colour: red\n", []string{`f.yaml:1:1: unknown key "colour"`}},
		{"unknown key in a stage", "stages:\n  baseline:\n    comand: [a]\n", []string{`f.yaml:3:5: unknown key "comand" (did you mean "command"?)`}},
		{"unknown stage", "stages:\n  basline:\n    toggle: manual\n", []string{`f.yaml:2:3: unknown stage "basline" (did you mean "baseline"?): expected baseline or aidaptiv`}},
		{"merge key", "<<: {trials: 3}\n", []string{`f.yaml:1:1: unknown key "<<"`}},
		{"duplicate key", "users: [1]\ntrials: 2\nusers: [2]\n", []string{`f.yaml:3:1: key "users" is already on line 1`}},
		{"duplicate stage", "stages:\n  baseline: {toggle: manual}\n  baseline: {toggle: external}\n", []string{`f.yaml:3:3: key "baseline" is already on line 2`}},
		{"api key", "api_key: sk-123\n", []string{`f.yaml:1:1: "api_key": a key itself is never part of the configuration`}},
		{"api key as its name", "api_key_env: sk-123\n", []string{`f.yaml:1:14: expected the name of an environment variable`}},

		{"text for integer", "trials: abc\n", []string{`f.yaml:1:9: expected an integer, got "abc"`}},
		{"quoted integer", "trials: \"5\"\n", []string{`f.yaml:1:9: expected an integer, got "5"`}},
		{"fraction", "trials: 6.5\n", []string{`f.yaml:1:9: expected an integer, got 6.5`}},
		{"octal", "trials: 010\n", []string{`f.yaml:1:9: expected an integer without leading zeros, got 010`}},
		{"nothing", "trials:\nwarmup: 1\n", []string{`f.yaml:1:1: expected an integer, got nothing`}},
		{"too large", "trials: 99999999999999999999\n", []string{`f.yaml:1:9: expected an integer, got "99999999999999999999"`}},
		{"list for integer", "trials: [1]\n", []string{`f.yaml:1:9: expected an integer, got a list`}},
		{"integer for list", "users: 4\n", []string{`f.yaml:1:8: expected a list of integers such as [1, 4], got 4`}},
		{"text in list", "users:\n  - 1\n  - many\n", []string{`f.yaml:3:5: expected an integer, got "many"`}},
		{"list in list", "users: [1, [2]]\n", []string{`f.yaml:1:12: expected an integer, got a list`}},
		{"number for text", "model: 5\n", []string{`f.yaml:1:8: expected text, got 5`}},
		{"yes", "keep_text: yes\n", []string{`f.yaml:1:12: expected true or false, got "yes"`}},
		{"bare duration", "timeout: 30\n", []string{`f.yaml:1:10: expected a duration such as 30s, got 30`}},
		{"bare zero", "stall_timeout: 0\n", []string{`f.yaml:1:16: expected a duration such as 30s, got 0`}},
		{"quoted bare duration", "timeout: \"30\"\n", []string{`f.yaml:1:10: expected a duration such as 30s, got "30"`}},
		{"seed", "seed: -1\n", []string{`f.yaml:1:7: expected an integer from 0 to 18446744073709551615, got -1`}},
		{"infinite", "temperature: .inf\n", []string{`f.yaml:1:14: expected a number, got .inf`}},
		{"no temperature", "temperature:\n", []string{`f.yaml:1:1: expected a number, got nothing`}},
		{"alias", "users: &u [1]\ncontexts: *u\n", []string{
			`f.yaml:1:8: expected a list of integers such as [1, 4], got an anchor or alias, which this file can't have`,
			`f.yaml:2:11: expected a list of integers such as [1, 4], got an anchor or alias, which this file can't have`,
		}},
		{"text for mapping", "stages: both\n", []string{`f.yaml:1:9: expected keys with values, got "both"`}},
		{"no stages", "stages:\n", []string{`f.yaml:1:1: expected keys with values, got nothing`}},
		{"list at the top", "- trials\n", []string{`f.yaml:1:1: expected keys with values, got a list`}},

		{"negative", "trials: -3\n", []string{`f.yaml:1:9: expected at least 1, got -3`}},
		{"no trials", "trials: 0\n", []string{`f.yaml:1:9: expected at least 1, got 0`}},
		{"no users", "users: [4, 0]\n", []string{`f.yaml:1:12: expected at least 1, got 0`}},
		{"users twice", "users: [4, 1, 4]\n", []string{`f.yaml:1:15: 4 is in the list twice`}},
		{"rate not a number", "rates: [1, x]\n", []string{`f.yaml:1:12: expected a number, got "x"`}},
		{"rate of 0", "rates: [0.5, 0]\n", []string{`f.yaml:1:14: expected at least 0.000001, got 0`}},
		{"rates twice", "rates: [0.5, 0.50]\n", []string{`f.yaml:1:14: 0.5 is in the list twice`}},
		{"no rates", "rates: []\n", []string{`f.yaml:1:8: the list is empty: expected at least one number`}},
		{"one rate", "rates: 2\n", []string{`f.yaml:1:8: expected a list of numbers such as [0.5, 2], got 2`}},
		{"rate duration", "rate_duration: 0s\n", []string{`f.yaml:1:16: expected at least 1ms, got 0s`}},
		{"empty contexts", "contexts: []\n", []string{`f.yaml:1:11: the list is empty: expected at least one integer`}},
		{"negative context", "contexts:\n- 1024\n- -2048\n", []string{`f.yaml:3:3: expected at least 1, got -2048`}},
		{"no timeout", "timeout: 0s\n", []string{`f.yaml:1:10: expected at least 1ms, got 0s`}},
		{"negative timeout", "timeout: -5s\n", []string{`f.yaml:1:10: expected at least 1ms, got -5s`}},
		{"sample interval", "sample_interval: 10ms\n", []string{`f.yaml:1:18: expected at least 50ms, got 10ms`}},
		{"top_p", "top_p: 1.5\n", []string{`f.yaml:1:8: expected at most 1, got 1.5`}},
		{"enum", "api: completion\n", []string{`f.yaml:1:6: expected one of completions, chat, ollama, got "completion" (did you mean "completions"?)`}},
		{"toggle", "stages: {aidaptiv: {toggle: auto}}\n", []string{`f.yaml:1:29: expected one of manual, process, external, got "auto"`}},
		{"bench", "bench: \"(\"\n", []string{"f.yaml:1:8: expected a regular expression: error parsing regexp: missing closing ): `(`"}},
		{"results", "results: \"\"\n", []string{`f.yaml:1:10: expected the path of a directory`}},

		{"start above end", "context_end: 512\ncontext_start: 1024\n", []string{`f.yaml:2:16: context_start 1024 is above context_end 512`}},
		{"default start above end", "trials: 1\ncontext_end: 512\n", []string{`f.yaml:2:14: context_start 1024 is above context_end 512`}},
		{"step zero", "context_step: 0\n", []string{`f.yaml:1:15: expected at least 1, got 0`}},
		{"factor one", "context_step: 1\n", []string{`f.yaml:1:15: a geometric sweep needs a context_step of at least 2, got 1`}},
		{"linear without step", "step_mode: linear\n", []string{`f.yaml:1:12: a linear sweep needs context_step: the tokens added from one prompt length to the next`}},
		{"too many", "step_mode: linear\ncontext_step: 1\n", []string{`f.yaml:2:15: the sweep has more than 1000 prompt lengths`}},
		{"list and range", "context_start: 512\ncontexts: [1]\nstep_mode: linear\ncontext_step: 4\n", []string{
			`f.yaml:1:16: context_start has no effect beside contexts`,
			`f.yaml:3:12: step_mode has no effect beside contexts`,
			`f.yaml:4:15: context_step has no effect beside contexts`,
		}},

		{"endpoint", "endpoint: localhost:8000\n", []string{`f.yaml:1:11: expected a URL such as http://127.0.0.1:8000/v1`}},
		{"endpoint with query", "endpoint: http://h/v1?key=1\n", []string{`f.yaml:1:11: expected a base URL, without ? and #`}},
		{"port without process", "endpoint: http://127.0.0.1:{port}/v1\nstages:\n  baseline:\n    toggle: process\n    command: [s, \"{port}\"]\n", []string{`f.yaml:1:11: {port} in the endpoint needs toggle: process in stage aidaptiv`}},
		{"port not passed on", strings.Replace(process, `, "{port}"`, "", 1), []string{`f.yaml:6:14: {port} has to be in the endpoint and in the command (or env) of stage baseline, or in neither`}},
		{"process without command", "endpoint: http://h\nstages:\n  baseline:\n    toggle: process\n", []string{`f.yaml:4:13: toggle: process needs a command`}},
		{"process without endpoint", "stages:\n  baseline:\n    toggle: process\n    command: [s]\n", []string{`f.yaml:3:13: toggle: process needs an endpoint: where the baseline server will listen`}},
		{"command as text", process + "  aidaptiv:\n    command: server --port 1\n", []string{`f.yaml:8:14: expected a list of arguments such as [server, --port, "{port}"], got "server --port 1"`}},
		{"command without process", "stages:\n  baseline:\n    command: [a]\n    env: {A: b}\n    stop_timeout: 1s\n", []string{
			`f.yaml:3:14: command has no effect without toggle: process`,
			`f.yaml:4:10: env has no effect without toggle: process`,
			`f.yaml:5:19: stop_timeout has no effect without toggle: process`,
		}},
		{"instructions with process", process + "    instructions: push the button\n", []string{`f.yaml:7:19: instructions are only shown with toggle: manual`}},
		{"shell reference", process + "    env: {A: \"${HOME}/x\"}\n", []string{`f.yaml:7:10: ${HOME} is not expanded: no shell runs here`}},
		{"placeholder", process + "    dir: /tmp/{rum}\n", []string{`f.yaml:7:10: unknown placeholder {rum}: expected {port} or {run}`}},
		{"variable's name", process + "    env: {A-B: c}\n", []string{`f.yaml:7:10: expected the name of a variable, got "A-B"`}},
		{"variable twice", process + "    env: {A: b, A: c}\n", []string{`f.yaml:7:17: "A" is in the mapping twice`}},
		{"variable without value", process + "    env:\n      A:\n", []string{`f.yaml:8:7: expected text after "A", got nothing`}},
		{"health", process + "    health: health\n", []string{`f.yaml:7:13: expected a path that begins with /, got "health"`}},
		{"server against mock", "stages:\n  aidaptiv:\n    endpoint: http://h\n", []string{`f.yaml:3:15: stage aidaptiv has an endpoint and stage baseline has none: the mock engine would answer there`}},
		{"faults with endpoint", "endpoint: http://h\nmock_faults: cut=2:1\nmock_profile: other\n", []string{
			`f.yaml:2:14: mock_faults has no effect with an endpoint`,
			`f.yaml:3:15: mock_profile has no effect with an endpoint`,
		}},

		{"not YAML", "users: [1\n", []string{`f.yaml:1:8: not YAML: sequence end token ']' not found`}},
		{"two documents", "trials: 3\n---\ntrials: 4\n", []string{`f.yaml:3:1: expected one document, found a second`}},
		{"not UTF-8", "trials: 3\nmodel: a\xff\n", []string{`f.yaml:2:9: expected text in UTF-8 without control characters`}},
		{"control character", "model: \"é\x1b[31m\"\n", []string{`f.yaml:1:10: expected text in UTF-8 without control characters`}},
		{"carriage return alone", "trials: 3\n\ruser: 1\n", []string{`f.yaml:2:1: expected text in UTF-8 without control characters`}},
		{"windows line ends", "\ufefftrials: 3\r\nusers: 4\r\n", []string{`f.yaml:2:8: expected a list of integers such as [1, 4], got 4`}},
		{"everything, in order", "trials: x\nusers: []\nnope: 1\ntimeout: 5\ncontext_start: 5\ncontext_end: 4\nwarmup: -1\n", []string{
			`f.yaml:1:9: expected an integer, got "x"`,
			`f.yaml:2:8: the list is empty: expected at least one integer`,
			`f.yaml:3:1: unknown key "nope"`,
			`f.yaml:4:10: expected a duration such as 30s, got 5`,
			`f.yaml:5:16: context_start 5 is above context_end 4`,
			`f.yaml:7:9: expected at least 0, got -1`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.Parse("f.yaml", []byte(test.file))
			require.Error(t, err)
			assert.Equal(t, strings.Join(test.want, "\n"), err.Error())
			assert.ErrorIs(t, err, config.ErrUsage)
			var e *config.Error
			assert.True(t, errors.As(err, &e))
		})
	}
}

func TestErrorsNeverShowAKey(t *testing.T) {
	for _, file := range []string{
		"api_key: sk-s3cret\n", "api_key_env: sk-s3cret\n", "endpoint: http://u:sk-s3cret@\n",
		"endpoint: ftp://u:sk-s3cret@h\n", process + "    env: {HF_TOKEN: [sk-s3cret]}\n",
	} {
		_, err := config.Parse("f", []byte(file))
		require.Error(t, err, file)
		assert.NotContains(t, config.Explain(err), "s3cret", file)
	}
}

func TestFileTooLarge(t *testing.T) {
	_, err := config.Parse("f", []byte("# "+strings.Repeat("[", 1<<20)))
	assert.EqualError(t, err, "f:1:1: a configuration file has at most 65536 bytes, this one 1048578")
}

// Nesting as deep as the largest file can be must not end in a stack overflow,
// which no recover would catch.
func TestDeepNesting(t *testing.T) {
	for _, open := range []string{"[", "{a: ", "- "} {
		_, err := config.Parse("f", []byte("users: "+strings.Repeat(open, 2000)))
		assert.ErrorIs(t, err, config.ErrUsage)
	}
}

func TestEmptyFileIsDefault(t *testing.T) {
	for _, file := range []string{"", "\n", "# nothing yet\n", "---\n", "\ufeff"} {
		c, err := config.Parse("f", []byte(file))
		require.NoError(t, err, "%q", file)
		assert.Equal(t, config.Default(), c, "%q", file)
	}
}

// What an argument looks like to YAML doesn't matter: it is the text.
func TestArgumentsAreVerbatim(t *testing.T) {
	c, err := config.Parse("f", []byte(process+"    env: {A: 010, B: 1_0, C: true, D: 1e3, E: \"x y\"}\n"+
		"  aidaptiv:\n    toggle: process\n    endpoint: http://h\n    command: [s, 8080, -1, 0x1F, no, 2.50, '{\"a\": {\"b\": 1}}']\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"A": "010", "B": "1_0", "C": "true", "D": "1e3", "E": "x y"}, c.Stages.Baseline.Env)
	assert.Equal(t, []string{"s", "8080", "-1", "0x1F", "no", "2.50", `{"a": {"b": 1}}`}, c.Stages.Aidaptiv.Command)
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.yaml")
	require.NoError(t, os.WriteFile(path, []byte("trials: 3\n"), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	assert.Equal(t, 3, c.Trials)

	_, err = config.Load(path + ".not")
	assert.EqualError(t, err, path+".not: configuration file can't be read: no such file or directory")
	assert.ErrorIs(t, err, config.ErrUsage)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestExplain(t *testing.T) {
	_, err := config.Parse("f", []byte("trials: x\napi_key: y\n"))
	assert.Equal(t, "f:1:9: expected an integer, got \"x\"\n"+
		"f:2:1: \"api_key\": a key itself is never part of the configuration\n"+
		"  hint: put the key into an environment variable and give its NAME as api_key_env", config.Explain(err))
	assert.Empty(t, config.Explain(nil))
	assert.Equal(t, "disk full", config.Explain(errors.New("disk full")))
}
