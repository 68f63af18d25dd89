package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/term"

	"aibench/harness/capacity"
	"aibench/harness/compare"
	"aibench/harness/config"
	"aibench/harness/record"
	"aibench/harness/report"
	"aibench/harness/scenario"
	"aibench/harness/session"
	"aibench/harness/stage"
	"aibench/harness/stats"
	"aibench/harness/version"
)

// runOptions are the flags of `aibench run` beside those of the configuration.
type runOptions struct {
	stage   string
	id      string
	suite   string
	verbose bool
}

// serverThere looks for the server of the first stage before a run directory is made.
func (m *measurement) serverThere(ctx context.Context) error {
	if m.opts.id != "" && exists(filepath.Join(m.cfg.Results, m.opts.id)) {
		return nil // which stage is next is not known yet
	}
	st, err := m.cfg.Stage(m.stages[0])
	if err != nil || st.Endpoint == "" || st.Toggle == string(stage.Managed) {
		return err
	}
	if why := session.Unreachable(ctx, st.Endpoint); why != "" {
		return fmt.Errorf("stage %s: no server at %s: %s", m.stages[0], st.Endpoint, why)
	}
	return nil
}

// measurement is one `aibench run`: a run directory and what is left to do in it.
type measurement struct {
	terminal
	kind   kind
	cfg    config.Config
	opts   runOptions
	stages []string
	dir    *record.Dir
	suite  string // path of the compiled suite
}

// kind is what a measuring command makes of the same configuration.
type kind struct {
	name  string // of the command
	stage string // measured unless another is named
	// adjust sets what the command decides by itself, once flags and file are read;
	// saved says that the file is that of the run to continue. nil: nothing.
	adjust func(fs *flag.FlagSet, cfg *config.Config, saved bool) error
}

func runCommand(ctx context.Context, args []string, t terminal) error {
	return measureCommand(ctx, args, t, kind{name: "run", stage: "all"})
}

func measureCommand(ctx context.Context, args []string, t terminal, k kind) error {
	m, err := planRun(args, t, k)
	if err != nil {
		return err
	}
	if err := m.refuseToWait(); err != nil {
		return err
	}
	if err := m.serverThere(ctx); err != nil {
		return err
	}
	if m.suite, err = findSuite(ctx, m.opts.suite, t.err); err != nil {
		return err
	}
	if err := m.openDir(args); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "run %s in %s\n", m.dir.Run().ID, m.dir.Path())
	m.warnOfFewTrials()
	measured := m.measure(ctx)
	// Whatever ended the measuring, what is in the journals becomes files.
	return errors.Join(measured, m.finish())
}

// planRun reads flags, environment and configuration. A run that is continued brings
// its own configuration, unless the command names one.
func planRun(args []string, t terminal, k kind) (*measurement, error) {
	m := &measurement{terminal: t, kind: k}
	parse := func(args []string) (*flag.FlagSet, error) {
		fs := flag.NewFlagSet("aibench "+k.name, flag.ContinueOnError)
		fs.SetOutput(t.out)
		m.opts = runOptions{}
		fs.StringVar(&m.opts.stage, "stage", k.stage, "`which` stages: all, baseline or aidaptiv")
		fs.StringVar(&m.opts.id, "run-id", "", "`name` of the run; a run that exists is continued (default: the time)")
		fs.StringVar(&m.opts.suite, "suite", "", "compiled suite `file` (default: beside aibench, else built from source)")
		fs.BoolVar(&m.opts.verbose, "v", false, "print the benchmark lines as they come")
		var err error
		m.cfg, err = config.FromArgs(fs, args, os.LookupEnv)
		if err == nil && fs.NArg() > 0 {
			err = usagef("unexpected argument %q", fs.Arg(0))
		}
		return fs, err
	}
	fs, err := parse(args)
	// The flags of a run that is continued may make sense with its configuration only.
	own := ownConfig(fs, m.opts.id)
	if own != "" {
		if text, err := os.ReadFile(own); err == nil && strings.Contains(string(text), "[redacted]") {
			return nil, usagef("the configuration saved with run %s has its secrets removed: give the original again with -config", m.opts.id)
		}
		fs, err = parse(append([]string{"-config", own}, args...))
	}
	if err != nil {
		return nil, err
	}
	if k.adjust != nil {
		if err := k.adjust(fs, &m.cfg, own != ""); err != nil {
			return nil, err
		}
	}
	if _, err := capacity.ParseOptional(m.cfg.SLO); err != nil {
		return nil, usagef("slo: %w", err)
	}
	if err := m.checkPrompts(); err != nil {
		return nil, err
	}
	if strings.ContainsAny(m.cfg.MockProfile, `/\.`) { // a path, which the suite reads from elsewhere
		if m.cfg.MockProfile, err = filepath.Abs(m.cfg.MockProfile); err != nil {
			return nil, err
		}
	}
	if m.stages, err = stage.PlanStages(m.opts.stage); err != nil {
		return nil, usageError{err}
	}
	if m.opts.id != "" {
		if err := record.ValidID(m.opts.id); err != nil {
			return nil, usageError{err}
		}
	}
	return m, nil
}

// ownConfig is the configuration that the run to continue brings with it; "" for a new
// run, and where the command names another.
func ownConfig(fs *flag.FlagSet, id string) string {
	named := cmp.Or(os.Getenv(config.EnvPrefix+"CONFIG"), fs.Lookup("config").Value.String())
	if id == "" || named != "" || record.ValidID(id) != nil {
		return ""
	}
	results := fs.Lookup("results").Value.(flag.Getter).Get().(string)
	own := filepath.Join(cmp.Or(results, os.Getenv(config.EnvPrefix+"RESULTS"), config.Default().Results), id, configFile)
	if !exists(own) {
		return ""
	}
	return own
}

// checkPrompts reads the user's prompt file before anything is measured. The suite has
// a working directory of its own, so it gets an absolute path.
func (m *measurement) checkPrompts() error {
	if m.cfg.Prompts == "" {
		return nil
	}
	var err error
	if m.cfg.Prompts, err = filepath.Abs(m.cfg.Prompts); err != nil {
		return err
	}
	if _, err := scenario.LoadItems(m.cfg.Prompts); err != nil {
		return usageError{err}
	}
	return nil
}

// refuseToWait says at once that a pause would come that nobody can answer, rather
// than after a night of baseline.
func (m *measurement) refuseToWait() error {
	if len(m.stages) < 2 || m.interactive() || m.cfg.Stages.Aidaptiv.Toggle != string(stage.Manual) {
		return nil
	}
	return usagef("stage aidaptiv is switched by hand, and without a terminal nobody can be asked to: " +
		"run `-stage baseline -run-id ID` now, switch, then `-stage aidaptiv -run-id ID`; or configure toggle process or external")
}

func (m *measurement) interactive() bool {
	return m.in != nil && term.IsTerminal(int(m.in.Fd()))
}

// configFile is the configuration as run, in the run directory.
const configFile = "config.yaml"

// openDir makes the run directory, or opens that of the run to continue.
func (m *measurement) openDir(args []string) error {
	id := m.opts.id
	if id != "" && exists(filepath.Join(m.cfg.Results, id)) {
		return m.continueRun(id)
	}
	if id != "" && m.opts.stage == stage.Aidaptiv {
		return usagef("no run %s in %s to continue with stage aidaptiv; start it with -stage baseline, or leave -run-id away for a run of this stage alone", id, m.cfg.Results)
	}
	if id == "" {
		id = record.NewID(time.Now())
	}
	if m.cfg.Seed == 0 {
		m.cfg.Seed = seedOf(id)
	}
	if m.cfg.Salt == "auto" {
		m.cfg.Salt = saltFor(m.cfg)
	}
	asYAML, err := m.cfg.Redacted().YAML()
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	asJSON, err := yaml.YAMLToJSON(asYAML)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	m.dir, err = record.Create(m.cfg.Results, id, record.Run{Tool: version.String(), Seed: m.cfg.Seed,
		Command: redactArgs(m.kind.name, args), Config: asJSON, Stages: m.stages})
	if err != nil {
		return err
	}
	return record.WriteFile(filepath.Join(m.dir.Path(), configFile), func(w io.Writer) error {
		_, err := w.Write(asYAML)
		return err
	})
}

// continueRun opens an existing run. Its trials can only be joined by trials of the
// same work.
func (m *measurement) continueRun(id string) error {
	var err error
	if m.dir, err = record.Open(m.cfg.Results, id); err != nil {
		return err
	}
	before, err := config.Load(filepath.Join(m.dir.Path(), configFile))
	if err != nil {
		return err
	}
	if m.cfg.Seed == 0 {
		m.cfg.Seed = before.Seed
	}
	if m.cfg.Salt == "auto" {
		m.cfg.Salt = before.Salt
	}
	if key := differentWork(before, m.cfg); key != "" {
		return usagef("run %s was planned with another value of %s: its trials can't be joined by others; start a new run", id, key)
	}
	fmt.Fprintf(m.err, "continuing run %s\n", id)
	return m.dir.Update(func(r *record.Run) {
		for _, s := range m.stages {
			if !slices.Contains(r.Stages, s) {
				r.Stages = append(r.Stages, s)
			}
		}
	})
}

// differentWork names the first key that makes two plans different work; "" for none.
func differentWork(a, b config.Config) string {
	work := func(c config.Config) []any {
		return []any{c.API, c.Model, c.ContextList(), c.Users, c.Requests, c.SLO, c.Rates, c.RateDuration, c.Trials, c.MaxTokens,
			deref(c.Temperature), deref(c.TopP), c.Seed, c.Salt, c.Prompts, c.Bench}
	}
	keys := []string{"api", "model", "context list", "users", "requests", "slo", "rates", "rate_duration", "trials", "max_tokens",
		"temperature", "top_p", "seed", "salt", "prompts", "bench"}
	wa, wb := work(a), work(b)
	for i, key := range keys {
		if fmt.Sprint(wa[i]) != fmt.Sprint(wb[i]) {
			return key
		}
	}
	return ""
}

func deref(p *float64) any {
	if p == nil {
		return nil
	}
	return *p
}

// seedOf derives the seed of a run from its id, so that no other run sends the same
// prompts into a cache that remembers them.
func seedOf(id string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, id)
	return h.Sum64()
}

// saltFor lets both stages send the same bytes only where each stage's server is
// started anew: a server that lives through the switch would know them already.
func saltFor(c config.Config) string {
	if c.Stages.Baseline.Toggle == string(stage.Managed) && c.Stages.Aidaptiv.Toggle == string(stage.Managed) {
		return "run"
	}
	return "stage"
}

// hidden are the flags whose values may hold secrets: run.json has the configuration
// with the secrets alone redacted.
var hidden = regexp.MustCompile(`^--?(baseline|aidaptiv)-(env|command)`)

// userInfo is the part of a URL up to the @.
var userInfo = regexp.MustCompile(`(//)[^/@\s]+@`)

func redactArgs(command string, args []string) []string {
	out := []string{"aibench", command}
	for i, a := range args {
		name, _, hasValue := strings.Cut(a, "=")
		switch {
		case i > 0 && hidden.MatchString(args[i-1]) && !strings.Contains(args[i-1], "="):
			a = "[redacted]"
		case hasValue && hidden.MatchString(name):
			a = name + "=[redacted]"
		}
		out = append(out, userInfo.ReplaceAllString(a, "$1[redacted]@"))
	}
	return out
}

// measure runs the stages one after another until one does not end well.
func (m *measurement) measure(ctx context.Context) error {
	for i, name := range m.stages {
		if m.done(name) {
			fmt.Fprintf(m.err, "stage %s is complete already\n", name)
			continue
		}
		if i > 0 {
			goOn, err := m.pauseBefore(ctx, name)
			if err != nil {
				return errors.Join(err, m.markPartial("stage "+name+" was not started"))
			}
			if !goOn {
				fmt.Fprintf(m.err, "quit before stage %s; continue with: aibench run -stage %s -run-id %s\n", name, name, m.dir.Run().ID)
				return m.markPartial("quit before stage " + name)
			}
		}
		if i == 0 {
			m.announce(name)
		}
		if err := m.runStage(ctx, name); err != nil {
			return errors.Join(err, m.markPartial("stage "+name+" did not end: "+firstLine(err)))
		}
	}
	return m.markPartial(m.missing())
}

// missing says which planned stages have not been done to their end.
func (m *measurement) missing() string {
	for _, name := range m.dir.Run().Stages {
		if !m.done(name) {
			return "stage " + name + " is not complete"
		}
	}
	return ""
}

// done tells whether the stage needs no more measuring.
func (m *measurement) done(name string) bool { return m.end(name).Reason == record.EndComplete }

// end is how the stage's last session ended; the zero End where it did not.
func (m *measurement) end(name string) record.End {
	log, err := record.ReadLogFile(m.dir.Journal(name))
	if err != nil {
		return record.End{}
	}
	end, _ := log.LastEnd()
	return end
}

func (m *measurement) markPartial(why string) error {
	return m.dir.Update(func(r *record.Run) { r.Partial = why })
}

func (m *measurement) pauseBefore(ctx context.Context, name string) (goOn bool, err error) {
	st, err := m.cfg.Stage(name)
	if err != nil || st.Toggle != string(stage.Manual) {
		return err == nil, err
	}
	for {
		d, err := stage.Pause(ctx, m.in, m.err, stage.Config{Name: name, Toggle: stage.Manual, Instructions: st.Instructions}, m.interactive())
		if ctx.Err() != nil {
			return false, session.ErrInterrupted
		}
		if err != nil || d != stage.Continue {
			return false, err
		}
		unreachable := session.Unreachable(ctx, st.Endpoint)
		if unreachable == "" {
			return true, nil
		}
		fmt.Fprintf(m.err, "no server at %s yet: %s\n", st.Endpoint, unreachable)
	}
}

// warnOfFewTrials says before anything is measured that no cell will get a verdict: the
// more comparisons, the more trials each needs to stand out of chance.
func (m *measurement) warnOfFewTrials() {
	cells := len(m.cfg.ContextList()) * len(m.cfg.Users)
	alpha := (1 - compare.DefaultConfig().Level) / float64(cells)
	if need := stats.MinSamples(alpha); len(m.stages) == 2 && m.cfg.Trials < need && strings.Contains(m.cfg.Bench, "Context") {
		fmt.Fprintf(m.err, "%d trials can't show a difference in %d cells, however large: %d are needed (-trials)\n", m.cfg.Trials, cells, need)
	}
}

// announce says what a stage that nobody is asked about takes for granted.
func (m *measurement) announce(name string) {
	st, err := m.cfg.Stage(name)
	switch {
	case err != nil:
	case st.Endpoint == "":
		fmt.Fprintf(m.err, "stage %s: no endpoint is configured, so the mock engine is measured (simulated)\n", name)
	case st.Toggle == string(stage.Manual) && st.Instructions != "":
		fmt.Fprintf(m.err, "stage %s: measuring %s as it is. %s\n", name, st.Endpoint, st.Instructions)
	}
}

// finish makes the derived files, charts and tables of what has been measured.
func (m *measurement) finish() error {
	files, err := report.WriteRun(m.dir)
	if err != nil {
		return err
	}
	if err := report.WriteConsole(m.out, m.dir); err != nil {
		return err
	}
	fmt.Fprintln(m.out, "\nfiles:")
	for _, f := range files {
		fmt.Fprintln(m.out, " ", f)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
