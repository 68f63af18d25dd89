package config

import (
	"fmt"
	"strconv"
	"strings"
)

// StageNames are the names of the stages, in the order of measurement.
func StageNames() []string { return []string{"baseline", "aidaptiv"} }

// Stage returns how the named stage comes about, its Endpoint filled in from the
// general one; an error names the stages there are.
func (c Config) Stage(name string) (Stage, error) {
	s, err := c.stage(name)
	if s.Endpoint == "" {
		s.Endpoint = c.Endpoint
	}
	return s, err
}

func (c Config) stage(name string) (Stage, error) {
	switch name {
	case "baseline":
		return c.Stages.Baseline, nil
	case "aidaptiv":
		return c.Stages.Aidaptiv, nil
	}
	return Stage{}, &Error{Msg: fmt.Sprintf("unknown stage %q%s: expected baseline or aidaptiv", name, didYouMean(name, StageNames()))}
}

// Expand returns a copy of s in which {port} and {run} are replaced, in the
// endpoint, the command, the directory and the values of the environment. port
// is needed only where NeedsPort says so.
func (s Stage) Expand(port int, run string) Stage {
	r := strings.NewReplacer("{port}", strconv.Itoa(port), "{run}", run)
	s.Endpoint = r.Replace(s.Endpoint)
	s.Dir = r.Replace(s.Dir)
	command := make([]string, len(s.Command))
	for i, arg := range s.Command {
		command[i] = r.Replace(arg)
	}
	s.Command = command
	env := make(map[string]string, len(s.Env))
	for k, v := range s.Env {
		env[k] = r.Replace(v)
	}
	s.Env = env
	return s
}

// NeedsPort tells whether a free port has to be found for the stage.
func (s Stage) NeedsPort() bool { return strings.Contains(s.Endpoint, "{port}") }
