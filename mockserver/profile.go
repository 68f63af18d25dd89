package mockserver

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed profiles/*.yaml
var embedded embed.FS

// Profile describes the machine and the model that are played. Seconds are
// modelled seconds; TimeScale turns them into wall time.
type Profile struct {
	Name         string `yaml:"name"`
	Description  string `yaml:"description"`
	Model        string `yaml:"model"`        // name of the only model served
	Quantization string `yaml:"quantization"` // as reported; no effect on time
	Dialect      string `yaml:"dialect"`      // vllm, llamacpp, ollama or rockchip; empty: vllm

	TimeScale float64 `yaml:"time_scale"` // wall seconds per modelled second, above 0
	Noise     float64 `yaml:"noise"`      // standard deviation of the log of a request's times; 0: exact

	MaxModelLen   int    `yaml:"max_model_len"`  // tokens of prompt and answer
	ContextPolicy string `yaml:"context_policy"` // beyond MaxModelLen: error or truncate; empty: as the dialect does
	MaxSeqs       int    `yaml:"max_seqs"`       // requests running at once; 0: no limit
	PrefixCache   bool   `yaml:"prefix_cache"`   // keep the KV blocks of finished prompts
	Admission     string `yaml:"admission"`      // memory held by others: queue (default) waits for it, fail is out of memory

	WeightsBytes         bytesize `yaml:"weights_bytes"`
	RuntimeBytes         bytesize `yaml:"runtime_bytes"` // context and activations, in the first tier
	KVBytesPerToken      bytesize `yaml:"kv_bytes_per_token"`
	PrefillTokensPerS    float64  `yaml:"prefill_tokens_per_s"`   // at position 0; 0: free
	AttentionEqualTokens float64  `yaml:"attention_equal_tokens"` // position at which attention doubles a token's prefill; 0: no attention term
	RequestOverheadS     float64  `yaml:"request_overhead_s"`     // before prefill
	TokenOverheadS       float64  `yaml:"token_overhead_s"`       // each generated token

	Tiers  []Tier           `yaml:"tiers"`  // fastest first
	Stages map[string]Stage `yaml:"stages"` // baseline and aidaptiv

	TokensPerChunk      int     `yaml:"tokens_per_chunk"`      // 0: 1
	DefaultOutputTokens int     `yaml:"default_output_tokens"` // when a request sets no limit
	OOM                 string  `yaml:"oom"`                   // error (default), exit or kill; the last two only in the command
	PressureScale       float64 `yaml:"pressure_scale"`        // real bytes per modelled byte under Options.Pressure; 0: no pressure
}

// Tier is one kind of memory.
type Tier struct {
	Name           string   `yaml:"name"`
	Bytes          bytesize `yaml:"bytes"`
	ReadBytesPerS  float64  `yaml:"read_bytes_per_s"`  // 0: free
	WriteBytesPerS float64  `yaml:"write_bytes_per_s"` // 0: free
	Backing        string   `yaml:"backing"`           // what Options.Pressure makes real: memory, file; empty: nothing
}

// Stage says what one side of the comparison may use.
type Stage struct {
	Tiers         []string `yaml:"tiers"`          // names, fastest first
	ReservedBytes bytesize `yaml:"reserved_bytes"` // of the first tier, taken by the technology itself
	Slowdown      float64  `yaml:"slowdown"`       // share added to prefill and decode: 0.03 is 3 %
}

// bytesize reads 4.92e9 as well as 8589934592: sizes in data sheets are decimal
// and those of memory chips are not.
type bytesize int64

// UnmarshalYAML accepts a number without a fraction of a byte.
func (b *bytesize) UnmarshalYAML(unmarshal func(any) error) error {
	var f float64
	if err := unmarshal(&f); err != nil {
		return err
	}
	if f < 0 || f != float64(int64(f)) {
		return fmt.Errorf("%v is no number of bytes", f)
	}
	*b = bytesize(f)
	return nil
}

// Profiles names the embedded profiles, sorted.
func Profiles() []string {
	files, err := fs.Glob(embedded, "profiles/*.yaml")
	if err != nil || len(files) == 0 {
		panic("mockserver: no embedded profiles") // a broken build, not a state of the world
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(path.Base(f), ".yaml")
	}
	slices.Sort(names)
	return names
}

// LoadProfile reads an embedded profile by name, or a YAML file by path. An
// unknown key, a wrong type or a value out of range is an error that names the
// file and, for what the parser finds, line and column.
func LoadProfile(name string) (Profile, error) {
	file := name
	data, err := embedded.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		if data, err = os.ReadFile(name); err != nil {
			if !strings.ContainsAny(name, `/\.`) {
				return Profile{}, fmt.Errorf("profile %q: unknown (have %s, or give a path)", name, strings.Join(Profiles(), ", "))
			}
			return Profile{}, fmt.Errorf("profile: %w", err)
		}
	}
	return parseProfile(file, data)
}

func parseProfile(file string, data []byte) (Profile, error) {
	p := Profile{TimeScale: 1}
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := dec.Decode(&p); err != nil {
		// goccy prints "[line:col] message" first; the excerpt below it stays.
		msg := yaml.FormatError(err, false, true)
		if at, rest, ok := strings.Cut(strings.TrimPrefix(msg, "["), "] "); ok && strings.HasPrefix(msg, "[") {
			return Profile{}, fmt.Errorf("%s:%s: %s", file, at, rest)
		}
		return Profile{}, fmt.Errorf("%s: %s", file, msg)
	}
	if err := p.validate(); err != nil {
		return Profile{}, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

func oneOf(field, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %s", field, value, strings.Join(allowed, ", "))
}

func (p *Profile) validate() error {
	if p.Dialect == "" {
		p.Dialect = "vllm"
	}
	if p.Admission == "" {
		p.Admission = "queue"
	}
	if p.OOM == "" {
		p.OOM = "error"
	}
	if p.TokensPerChunk == 0 {
		p.TokensPerChunk = 1
	}
	if p.DefaultOutputTokens == 0 {
		p.DefaultOutputTokens = 128
	}
	for _, c := range []struct {
		field   string
		bad     bool
		message string
	}{
		{"model", p.Model == "", "is missing"},
		{"time_scale", p.TimeScale <= 0, "must be above 0"},
		{"noise", p.Noise < 0 || p.Noise > 1, "must be between 0 and 1"},
		{"max_model_len", p.MaxModelLen <= 0, "must be above 0"},
		{"max_seqs", p.MaxSeqs < 0, "must not be negative"},
		{"kv_bytes_per_token", p.KVBytesPerToken <= 0, "must be above 0"},
		{"prefill_tokens_per_s", p.PrefillTokensPerS < 0, "must not be negative"},
		{"attention_equal_tokens", p.AttentionEqualTokens < 0, "must not be negative"},
		{"request_overhead_s", p.RequestOverheadS < 0, "must not be negative"},
		{"token_overhead_s", p.TokenOverheadS < 0, "must not be negative"},
		{"tokens_per_chunk", p.TokensPerChunk < 0, "must not be negative"},
		{"default_output_tokens", p.DefaultOutputTokens < 0, "must not be negative"},
		{"pressure_scale", p.PressureScale < 0, "must not be negative"},
		{"tiers", len(p.Tiers) == 0, "is missing"},
	} {
		if c.bad {
			return fmt.Errorf("%s: %s", c.field, c.message)
		}
	}
	for _, err := range []error{
		oneOf("dialect", p.Dialect, dialects...),
		oneOf("admission", p.Admission, "queue", "fail"),
		oneOf("oom", p.OOM, "error", "exit", "kill"),
		oneOf("context_policy", p.ContextPolicy, "", "error", "truncate"),
	} {
		if err != nil {
			return err
		}
	}
	return p.validateTiers()
}

func (p *Profile) validateTiers() error {
	var names []string
	for i, t := range p.Tiers {
		if t.Name == "" || slices.Contains(names, t.Name) {
			return fmt.Errorf("tiers[%d]: name %q is empty or taken", i, t.Name)
		}
		names = append(names, t.Name)
		if t.ReadBytesPerS < 0 || t.WriteBytesPerS < 0 {
			return fmt.Errorf("tiers[%d]: negative bandwidth", i)
		}
		if err := oneOf(fmt.Sprintf("tiers[%d].backing", i), t.Backing, "", "memory", "file"); err != nil {
			return err
		}
	}
	for _, stage := range []string{"baseline", "aidaptiv"} {
		s, ok := p.Stages[stage]
		if !ok || len(s.Tiers) == 0 {
			return fmt.Errorf("stages.%s: needs tiers", stage)
		}
		if s.Slowdown < 0 {
			return fmt.Errorf("stages.%s.slowdown: must not be negative", stage)
		}
		for _, name := range s.Tiers {
			if !slices.Contains(names, name) {
				return fmt.Errorf("stages.%s.tiers: no tier %q", stage, name)
			}
		}
		if _, err := p.layout(stage); err != nil {
			return fmt.Errorf("stages.%s: %w", stage, err)
		}
	}
	for stage := range p.Stages {
		if stage != "baseline" && stage != "aidaptiv" {
			return fmt.Errorf("stages: unknown stage %q (have baseline, aidaptiv)", stage)
		}
	}
	return nil
}
