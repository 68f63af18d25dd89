package stage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlanStages(t *testing.T) {
	for which, want := range map[string][]string{
		"all": {"baseline", "aidaptiv"}, "baseline": {"baseline"}, "aidaptiv": {"aidaptiv"},
	} {
		got, err := PlanStages(which)
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := PlanStages("aiDAPTIV")
	assert.EqualError(t, err, `unknown stage "aiDAPTIV": want all, baseline or aidaptiv`)
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"port": "8001", "run": "r1"}
	argv := []string{"serve", "--port={port}", "{run}-{port}", `{"a":{}}`, "{}", "{Port}", "$HOME;"}
	got, err := Expand(argv, vars)
	require.NoError(t, err)
	assert.Equal(t, []string{"serve", "--port=8001", "r1-8001", `{"a":{}}`, "{}", "{Port}", "$HOME;"}, got)
	assert.Equal(t, "--port={port}", argv[1], "the argument is not changed")
	_, err = Expand([]string{"{port}", "{prot} {x}"}, vars)
	assert.EqualError(t, err, "unknown placeholder {prot}: known are [{port} {run}]")
}

func TestExpandConfig(t *testing.T) {
	c := Config{Name: Baseline, Command: []string{"s", "{port}"}, Health: "http://h:{port}/", Dir: "d-{run}", Env: map[string]string{"P": "{port}"}}
	got, err := c.Expand(map[string]string{"port": "1", "run": "r"})
	require.NoError(t, err)
	assert.Equal(t, Config{Name: Baseline, Command: []string{"s", "1"}, Health: "http://h:1/", Dir: "d-r", Env: map[string]string{"P": "1"}}, got)
	assert.Equal(t, "{port}", c.Env["P"], "the receiver is not changed")
	for want, bad := range map[string]Config{
		"stage baseline: command: unknown placeholder {x}":    {Name: Baseline, Command: []string{"{x}"}},
		"stage baseline: health url: unknown placeholder {x}": {Name: Baseline, Health: "{x}"},
		"stage baseline: dir: unknown placeholder {x}":        {Name: Baseline, Dir: "{x}"},
		"stage baseline: env K: unknown placeholder {x}":      {Name: Baseline, Env: map[string]string{"K": "{x}"}},
	} {
		_, err := bad.Expand(nil)
		assert.ErrorContains(t, err, want)
	}
}

func TestValidate(t *testing.T) {
	assert.NoError(t, DefaultConfig().Validate())
	ok := Config{Name: Aidaptiv, Toggle: Managed, Command: []string{"x"}, Health: "http://127.0.0.1:1/h"}
	assert.NoError(t, ok.Validate())
	for want, change := range map[string]func(*Config){
		`unknown name "b"`:      func(c *Config) { c.Name = "b" },
		`unknown toggle "on"`:   func(c *Config) { c.Toggle = "on" },
		"no command":            func(c *Config) { c.Command = nil },
		"negative time limit":   func(c *Config) { c.StopTimeout = -1 },
		`health url ""`:         func(c *Config) { c.Health = "" },
		`health url "ftp://h/"`: func(c *Config) { c.Health = "ftp://h/" },
	} {
		c := ok
		change(&c)
		assert.ErrorContains(t, c.Validate(), want)
	}
}

func TestHealthAddress(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1:8000/health": "127.0.0.1:8000",
		"http://localhost/":            "localhost:80",
		"https://box.lan/health":       "box.lan:443",
		"http://[::1]:99":              "[::1]:99",
	} {
		got, err := healthAddress(url)
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	}
}
