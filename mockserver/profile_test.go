package mockserver

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProfilesLoad(t *testing.T) {
	assert.Equal(t, []string{"8b-on-16gb", "fast", "ideal", "null", "steady"}, Profiles())
	for _, name := range Profiles() {
		p := profile(t, name)
		assert.Equal(t, name, p.Name)
		assert.NotEmpty(t, p.Description)
	}
}

// Every number of a profile says what it is.
func TestProfileNumbersAreExplained(t *testing.T) {
	number := regexp.MustCompile(`^\s*(\w+): ([0-9.e]+)\s*$`)
	for _, name := range Profiles() {
		data, err := embedded.ReadFile("profiles/" + name + ".yaml")
		require.NoError(t, err)
		for i, l := range strings.Split(string(data), "\n") {
			if m := number.FindStringSubmatch(l); m != nil && m[2] != "0" {
				switch m[1] {
				case "time_scale", "default_output_tokens", "pressure_scale", "write_bytes_per_s", "read_bytes_per_s":
					if name != "8b-on-16gb" {
						continue
					}
				}
				if m[1] != "default_output_tokens" {
					t.Errorf("%s.yaml:%d: %s has no comment with its unit and origin", name, i+1, strings.TrimSpace(l))
				}
			}
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// Mistakes are found, and where.
func TestLoadProfileIsStrict(t *testing.T) {
	good, err := embedded.ReadFile("profiles/fast.yaml")
	require.NoError(t, err)
	lineOf := func(text, part string) string {
		return regexp.MustCompile(`:` + itoa(strings.Count(text[:strings.Index(text, part)], "\n")+1) + `:\d+: `).String()
	}
	for _, c := range []struct {
		old, new, want string
		positioned     bool // by line
	}{
		{"noise: 0", "nose: 0", "unknown field \"nose\"", true},
		{"noise: 0", "noise: loud", "cannot unmarshal", true},
		{"    read_bytes_per_s: 1e12", "    reads: 1e12", "unknown field \"reads\"", true},
		{"max_model_len: 262144", "max_model_len: -1", "max_model_len: must be above 0", false},
		{"time_scale: 1", "time_scale: 0", "time_scale: must be above 0", false},
		{"kv_bytes_per_token: 1000", "kv_bytes_per_token: 0", "kv_bytes_per_token: must be above 0", false},
		{"weights_bytes: 1e6", "weights_bytes: 1e9", "the weights do not fit", false},
		{"runtime_bytes: 0", "runtime_bytes: 1e9", "runtime and reserve do not fit", false},
		{"dialect: vllm", "dialect: tgi", `dialect: "tgi" is none of vllm, llamacpp, ollama, rockchip`, false},
		{"admission: queue", "admission: maybe", "admission:", false},
		{"oom: error", "oom: cry", "oom:", false},
		{"tiers: [vram]", "tiers: [hbm]", `no tier "hbm"`, false},
		{"  aidaptiv:", "  other:", "needs tiers", false},
		{"name: ram", "name: vram", "empty or taken", false},
		{"weights_bytes: 1e6", "weights_bytes: 0.5", "is no number of bytes", false},
	} {
		require.Contains(t, string(good), c.old)
		bad := strings.Replace(string(good), c.old, c.new, 1)
		file := write(t, bad)
		_, err := LoadProfile(file)
		if assert.Error(t, err, c.new) {
			assert.Contains(t, err.Error(), c.want)
			assert.Contains(t, err.Error(), file)
			if c.positioned {
				assert.Regexp(t, lineOf(bad, c.new), err.Error())
			}
		}
	}
	p, err := LoadProfile(write(t, string(good)))
	require.NoError(t, err)
	assert.Equal(t, profile(t, "fast"), p)
}

func itoa(n int) string { return strings.TrimSpace(string(marshal(n))) }

func TestLoadProfileUnknown(t *testing.T) {
	_, err := LoadProfile("9b-on-17gb")
	assert.ErrorContains(t, err, "8b-on-16gb, fast, ideal, null, steady")
	_, err = LoadProfile("./none.yaml")
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = LoadProfile(write(t, ""))
	assert.Error(t, err)
}

func TestNewRefuses(t *testing.T) {
	p := profile(t, "fast")
	for want, o := range map[string]Options{
		"unknown stage":      {Stage: "both"},
		"unknown fault":      {Faults: "bad"},
		"none of vllm":       {Dialect: "tgi"},
		"offload directory:": {Stage: "aidaptiv", Pressure: true, OffloadDir: "/dev/null/x"},
	} {
		_, err := New(p, o)
		assert.ErrorContains(t, err, want)
	}
	p.OOM = "kill"
	_, err := New(p, Options{})
	assert.ErrorContains(t, err, "needs a process of its own")
	_, err = New(profile(t, "null"), Options{Pressure: true})
	assert.ErrorContains(t, err, "no pressure_scale")
}
