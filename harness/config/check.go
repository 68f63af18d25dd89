package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Validate tells what is wrong with c, all of it: values out of range, and keys
// that contradict each other. Parse, Load and FromArgs have called it already;
// it is for a Config made in code. Nothing given is ever ignored in silence: a
// key that would have no effect is an error.
func (c Config) Validate() error {
	var errs []*Error
	def := Default()
	for _, s := range settings() {
		if s.isDefault(&c, &def) {
			continue // also the zeros that mean "not given"
		}
		if p := s.check(s.field(&c)); p != nil {
			errs = append(errs, &Error{Key: s.key, Msg: p.msg, Hint: p.hint})
		}
	}
	for _, f := range findings(c) {
		errs = append(errs, &Error{Key: f.keys[0], Msg: f.msg, Hint: f.hint})
	}
	return join(errs)
}

// finding is a problem between keys; the first of keys is the one to blame, the
// others are where to point when it wasn't given.
type finding struct {
	keys []string
	problem
}

type findingList []finding

func (l *findingList) add(p *problem, keys ...string) {
	if p != nil {
		*l = append(*l, finding{keys, *p})
	}
}

// findings are the rules that no single value can break.
func findings(c Config) []finding {
	var l findingList
	checkSweep(c, &l)
	checkServer(c, &l)
	for _, name := range StageNames() {
		s, _ := c.stage(name)
		checkStage(name, s, &l)
		checkEndpoints(c, name, s, &l)
	}
	return l
}

func checkSweep(c Config, l *findingList) {
	if len(c.Contexts) > 0 {
		checkListAlone(c, l)
		return
	}
	r := c.contextRange()
	if r.start > r.end {
		l.add(wrong("context_start %d is above context_end %d", r.start, r.end), "context_start", "context_end")
		return
	}
	switch {
	case r.linear && r.step == 0:
		l.add(wrong("a linear sweep needs context_step: the tokens added from one prompt length to the next"), "context_step", "step_mode")
	case !r.advances():
		l.add(wrong("a geometric sweep needs a context_step of at least 2, got %d", r.step), "context_step", "step_mode")
	case c.ContextList() == nil:
		l.add(wrong("the sweep has more than %d prompt lengths", maxContexts), "context_step", "context_end", "context_start")
	}
}

func checkListAlone(c Config, l *findingList) {
	for _, k := range []struct {
		key   string
		given bool
	}{
		{"context_start", c.ContextStart != 0},
		{"context_end", c.ContextEnd != 0},
		{"context_step", c.ContextStep != 0},
		{"step_mode", c.StepMode == "linear"},
	} {
		if k.given {
			l.add(&problem{
				msg:  k.key + " has no effect beside contexts",
				hint: "give the sweep either as the list contexts, or as a range",
			}, k.key, "contexts")
		}
	}
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkServer(c Config, l *findingList) {
	if c.APIKeyEnv != "" && !envName.MatchString(c.APIKeyEnv) {
		// The value is not shown: it may well be the key itself.
		l.add(&problem{
			msg:  "expected the name of an environment variable",
			hint: "put the key itself into a variable such as OPENAI_API_KEY, and give that name here",
		}, "api_key_env")
	}
	if _, err := regexp.Compile(c.Bench); err != nil {
		l.add(wrong("expected a regular expression: %v", err), "bench")
	}
	if c.Results == "" {
		l.add(wrong("expected the path of a directory"), "results")
	}
	checkMock(c, l)
}

// checkMock holds apart the servers and the mock engine inside the process,
// which answers where there is no endpoint: half of each would compare a server
// with a simulation.
func checkMock(c Config, l *findingList) {
	var with, without string
	for _, name := range StageNames() {
		if s, _ := c.Stage(name); s.Endpoint != "" {
			with = name
		} else {
			without = name
		}
	}
	if with == "" {
		return
	}
	if without != "" {
		l.add(&problem{
			msg:  fmt.Sprintf("stage %s has an endpoint and stage %s has none: the mock engine would answer there", with, without),
			hint: "give the endpoint of both stages as the general endpoint, or one for each stage",
		}, "stages."+with+".endpoint")
	}
	if c.MockFaults != "" {
		l.add(wrong("mock_faults has no effect with an endpoint"), "mock_faults")
	}
	if c.MockProfile != Default().MockProfile {
		l.add(wrong("mock_profile has no effect with an endpoint"), "mock_profile")
	}
}

func checkStage(name string, s Stage, l *findingList) {
	key := func(k string) string { return "stages." + name + "." + k }
	toggle := key("toggle")
	if s.Toggle != "manual" && s.Instructions != "" {
		l.add(wrong("instructions are only shown with toggle: manual"), key("instructions"), toggle)
	}
	if s.Toggle == "process" {
		if len(s.Command) == 0 || s.Command[0] == "" {
			l.add(wrong("toggle: process needs a command"), key("command"), toggle)
		}
		if !strings.HasPrefix(s.Health, "/") {
			l.add(wrong("expected a path that begins with /, got %q", s.Health), key("health"))
		}
		checkProcess(s, key, l)
		return
	}
	checkNoProcess(s, key, l)
}

func checkNoProcess(s Stage, key func(string) string, l *findingList) {
	def := Default().Stages.Baseline
	for _, k := range []struct {
		key   string
		given bool
	}{
		{"command", len(s.Command) > 0},
		{"dir", s.Dir != ""},
		{"env", len(s.Env) > 0},
		{"health", s.Health != def.Health},
		{"ready_timeout", s.ReadyTimeout != def.ReadyTimeout},
		{"stop_timeout", s.StopTimeout != def.StopTimeout},
	} {
		if k.given {
			l.add(wrong("%s has no effect without toggle: process", k.key), key(k.key), key("toggle"))
		}
	}
}

var (
	shellReference = regexp.MustCompile(`\$(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)`)
	placeholder    = regexp.MustCompile(`\{([a-z]+)\}`)
)

// checkProcess refuses what only a shell would expand, and misspelt placeholders:
// both would reach the server as they stand.
func checkProcess(s Stage, key func(string) string, l *findingList) {
	for _, arg := range s.Command {
		l.add(literal(arg), key("command"))
	}
	l.add(literal(s.Dir), key("dir"))
	for _, name := range sortedKeys(s.Env) {
		if !envName.MatchString(name) {
			l.add(wrong("expected the name of a variable, got %q", name), key("env"))
		}
		l.add(literal(s.Env[name]), key("env"))
	}
}

func literal(text string) *problem {
	if ref := shellReference.FindString(text); ref != "" {
		return &problem{
			msg:  ref + " is not expanded: no shell runs here",
			hint: "write the value itself; the server also inherits every variable that aibench has",
		}
	}
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if m[1] != "port" && m[1] != "run" {
			return wrong("unknown placeholder %s: expected {port} or {run}", m[0])
		}
	}
	return nil
}

func checkEndpoints(c Config, name string, s Stage, l *findingList) {
	key := func(k string) string { return "stages." + name + "." + k }
	endpoint, at := s.Endpoint, key("endpoint")
	if endpoint == "" {
		endpoint, at = c.Endpoint, "endpoint"
	}
	if p := checkURL(endpoint); p != nil {
		// The general endpoint is wrong once, not once a stage.
		if !slices.ContainsFunc(*l, func(f finding) bool { return f.keys[0] == at }) {
			l.add(p, at)
		}
		return
	}
	process, port := s.Toggle == "process", strings.Contains(endpoint, "{port}")
	switch {
	case process && endpoint == "":
		l.add(wrong("toggle: process needs an endpoint: where the %s server will listen", name), key("toggle"))
	case port && !process:
		l.add(&problem{
			msg:  fmt.Sprintf("{port} in the endpoint needs toggle: process in stage %s", name),
			hint: "a server that aibench doesn't start has a port of its own: write it here",
		}, at, key("toggle"))
	case process && port != s.uses("{port}"):
		l.add(wrong("{port} has to be in the endpoint and in the command (or env) of stage %s, or in neither", name), key("command"), at)
	}
}

// uses tells whether the server's command or environment has the placeholder.
func (s Stage) uses(p string) bool {
	has := func(x string) bool { return strings.Contains(x, p) }
	return slices.ContainsFunc(s.Command, has) || slices.ContainsFunc(envValues(s.Env), has)
}

func envValues(m map[string]string) []string {
	var all []string
	for _, k := range sortedKeys(m) {
		all = append(all, m[k])
	}
	return all
}

// checkURL accepts "": no endpoint. It doesn't show the URL, which may hold a
// password.
func checkURL(endpoint string) *problem {
	if endpoint == "" {
		return nil
	}
	// A redacted configuration is still a configuration.
	plain := strings.Replace(endpoint, redacted+"@", "redacted@", 1)
	u, err := url.Parse(strings.ReplaceAll(plain, "{port}", "1"))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return wrong("expected a URL such as http://127.0.0.1:8000/v1")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return wrong("expected a base URL, without ? and #")
	}
	return nil
}
