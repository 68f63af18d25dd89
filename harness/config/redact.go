package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// secretName matches names of variables and arguments that hold secrets: a word
// of the name ends in KEY, TOKEN, SECRET or PASSWORD (so not --max-tokens).
var secretName = regexp.MustCompile(`(?i)(key|token|secret|password|passwd)([_-]|$)`)

// userInfo is the part of a URL up to the @.
var userInfo = regexp.MustCompile(`(//)[^/@\s]+@`)

// Redacted returns a copy of c that may be written to a file. These become
// "[redacted]":
//
//   - values of stage variables whose names look like secrets (HF_TOKEN);
//   - in commands: those same values wherever they occur, and the value of an
//     argument whose name looks like a secret (--api-key X, --api-key=X);
//   - user and password of URLs, in endpoints, variables and commands.
//
// A secret under another name is not recognised. The API key is no issue: a
// Config has only the name of its variable.
func (c Config) Redacted() Config {
	c.Contexts, c.Users = slices.Clone(c.Contexts), slices.Clone(c.Users)
	c.Endpoint = redactURL(c.Endpoint)
	c.Stages.Baseline = c.Stages.Baseline.redacted()
	c.Stages.Aidaptiv = c.Stages.Aidaptiv.redacted()
	return c
}

func (s Stage) redacted() Stage {
	s.Endpoint = redactURL(s.Endpoint)
	env := maps.Clone(s.Env)
	var secrets []string
	for name, value := range env {
		env[name] = redactURL(value)
		if secretName.MatchString(name) && value != "" {
			env[name] = redacted
			secrets = append(secrets, value)
		}
	}
	s.Env = env
	s.Command = redactArgs(s.Command, secrets)
	return s
}

func redactArgs(args, secrets []string) []string {
	out := slices.Clone(args)
	// Longest first: a secret may contain another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for i, arg := range out {
		name, _, hasValue := strings.Cut(arg, "=")
		secret := strings.HasPrefix(name, "-") && secretName.MatchString(name)
		switch {
		case secret && hasValue:
			out[i] = name + "=" + redacted
			continue
		case i > 0 && isSecretFlag(args[i-1]) && !strings.HasPrefix(arg, "-"):
			out[i] = redacted
			continue
		}
		for _, s := range secrets {
			out[i] = strings.ReplaceAll(out[i], s, redacted)
		}
		out[i] = redactURL(out[i])
	}
	return out
}

func isSecretFlag(arg string) bool {
	return strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") && secretName.MatchString(arg)
}

func redactURL(text string) string {
	return userInfo.ReplaceAllString(text, "${1}"+redacted+"@")
}
