package stage

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// The names of the two stages, in the order in which they run.
const (
	Baseline = "baseline"
	Aidaptiv = "aidaptiv"
)

// PlanStages returns the stages that which stands for, in the order to run them:
// "all", "baseline" or "aidaptiv".
func PlanStages(which string) ([]string, error) {
	switch which {
	case "all":
		return []string{Baseline, Aidaptiv}, nil
	case Baseline, Aidaptiv:
		return []string{which}, nil
	}
	return nil, fmt.Errorf("unknown stage %q: want all, %s or %s", which, Baseline, Aidaptiv)
}

// Toggle is the way in which the machine is switched into a stage.
type Toggle string

// The toggles.
const (
	Manual   Toggle = "manual"   // the run pauses, a person switches and presses Enter
	Managed  Toggle = "process"  // aibench starts the stage's server, watches and stops it
	External Toggle = "external" // somebody else has switched before the stage starts
)

// Config is what the user says about one stage.
type Config struct {
	Name         string            // baseline or aidaptiv
	Toggle       Toggle            // how the stage is switched on
	Instructions string            // manual: what to tell the person; "": a default text
	Command      []string          // process: program and arguments, no shell; {port} and {run} are replaced by Expand
	Dir          string            // process: working directory; "": that of aibench
	Env          map[string]string // process: added to the environment of aibench
	Health       string            // process: full URL that answers 200 once the server can serve
	ReadyTimeout time.Duration     // process: longest wait for Health; 0: no limit
	StopTimeout  time.Duration     // process: from SIGTERM to SIGKILL; 0: SIGKILL at once
	LogPath      string            // process: file to which the server's output is appended; "": not kept
	StatePath    string            // process: state file (see State); "": none
}

// DefaultConfig is a stage that a person switches by hand. The time limits suit
// servers that read tens of GiB of weights before they answer.
func DefaultConfig() Config {
	return Config{
		Name:         Baseline,
		Toggle:       Manual,
		ReadyTimeout: 10 * time.Minute,
		StopTimeout:  20 * time.Second,
	}
}

// Validate tells the first thing that keeps the stage from running.
func (c Config) Validate() error {
	if c.Name != Baseline && c.Name != Aidaptiv {
		return fmt.Errorf("stage: unknown name %q: want %s or %s", c.Name, Baseline, Aidaptiv)
	}
	switch c.Toggle {
	case Manual, External:
		return nil
	case Managed:
		if err := c.validateProcess(); err != nil {
			return fmt.Errorf("stage %s: %w", c.Name, err)
		}
		return nil
	}
	return fmt.Errorf("stage %s: unknown toggle %q: want %s, %s or %s", c.Name, c.Toggle, Manual, Managed, External)
}

func (c Config) validateProcess() error {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return errors.New("no command: toggle process needs the server's program and arguments as a list")
	}
	if c.ReadyTimeout < 0 || c.StopTimeout < 0 {
		return errors.New("negative time limit")
	}
	_, err := healthAddress(c.Health)
	return err
}

// healthAddress returns host:port of a health URL.
func healthAddress(health string) (string, error) {
	u, err := url.Parse(health)
	if err != nil {
		return "", fmt.Errorf("health url: %w", err)
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" || u.Hostname() == "" {
		return "", fmt.Errorf("health url %q: want a full address such as http://127.0.0.1:8000/health", health)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// A placeholder is a lower-case word in braces. JSON in an argument ({"a":1})
// and empty braces are not placeholders and stay as they are.
var placeholder = regexp.MustCompile(`\{[a-z][a-z0-9_]*\}`)

// Expand replaces each {name} in argv by vars[name]. A name that vars lacks is an
// error, since a server that got it literally would fail in a puzzling way.
func Expand(argv []string, vars map[string]string) ([]string, error) {
	out := make([]string, len(argv))
	for i, arg := range argv {
		var err error
		if out[i], err = expand(arg, vars); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func expand(s string, vars map[string]string) (string, error) {
	var unknown string
	s = placeholder.ReplaceAllStringFunc(s, func(m string) string {
		v, ok := vars[m[1:len(m)-1]]
		if !ok && unknown == "" {
			unknown = m
		}
		return v
	})
	if unknown == "" {
		return s, nil
	}
	known := slices.Sorted(maps.Keys(vars))
	for i, k := range known {
		known[i] = "{" + k + "}"
	}
	return "", fmt.Errorf("unknown placeholder %s: known are %v", unknown, known)
}

// Expand returns the stage with the placeholders of its command, environment,
// health URL and working directory replaced.
func (c Config) Expand(vars map[string]string) (Config, error) {
	var err error
	fail := func(what string) (Config, error) {
		return Config{}, fmt.Errorf("stage %s: %s: %w", c.Name, what, err)
	}
	if c.Command, err = Expand(c.Command, vars); err != nil {
		return fail("command")
	}
	if c.Health, err = expand(c.Health, vars); err != nil {
		return fail("health url")
	}
	if c.Dir, err = expand(c.Dir, vars); err != nil {
		return fail("dir")
	}
	c.Env = maps.Clone(c.Env) // the caller's map stays as it is
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		if c.Env[k], err = expand(c.Env[k], vars); err != nil {
			return fail("env " + k)
		}
	}
	return c, nil
}
