package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// FromArgs is the one call of a command: it registers a flag for every key, and
// -config FILE, on fs, parses args, reads the file, and lays the environment and
// the flags over it, in this precedence:
//
//	flag > environment > file > default
//
// fs may have flags of its own beforehand; what follows the flags is left in
// fs.Args. lookupEnv is os.LookupEnv, or nil for no environment; a variable that
// is set but empty counts as not set, as workflows leave them behind.
//
// All errors are ErrUsage, but for flag.ErrHelp after -help. With a FlagSet that
// continues on errors nothing is printed, save the help that was asked for.
func FromArgs(fs *flag.FlagSet, args []string, lookupEnv func(string) (string, bool)) (Config, error) {
	if lookupEnv == nil {
		lookupEnv = func(string) (string, bool) { return "", false }
	}
	l := newLoading()
	path := fs.String("config", "", "read the configuration `file` (environment "+EnvPrefix+"CONFIG)")
	given := make([]*textFlag, len(l.settings))
	for i, s := range l.settings {
		given[i] = &textFlag{setting: s}
		fs.Var(given[i], s.flag, s.usage())
	}
	if err := parseFlags(fs, args); err != nil {
		return Config{}, err
	}
	if *path == "" {
		if named, ok := lookupEnv(EnvPrefix + "CONFIG"); ok {
			*path = named
		}
	}
	if *path != "" {
		l.load(*path)
	}
	for _, s := range l.settings {
		if text, ok := lookupEnv(s.env); ok && text != "" {
			l.set(s, text, origin{layer: fromEnv, name: "environment " + s.env})
		}
	}
	for _, f := range given {
		if f.given {
			l.set(f.setting, f.text, origin{layer: fromFlag, name: "flag -" + f.flag})
		}
	}
	return l.finish()
}

// textFlag keeps a flag's text until the file is read: only then is it known
// what it overrides, and package flag would lose the error's type.
type textFlag struct {
	setting
	text  string
	given bool
}

func (f *textFlag) String() string        { return f.def }
func (f *textFlag) Set(text string) error { f.text, f.given = text, true; return nil }

// IsBoolFlag lets -keep-text stand without =true; the zero textFlag, which
// package flag makes to find defaults, has no type.

// Get is the text as given; "" where the flag was not.
func (f *textFlag) Get() any { return f.text }

func (f *textFlag) IsBoolFlag() bool { return f.typ != nil && f.typ.Kind() == reflect.Bool }

// usage is the help text of the flag, its kind in the quotes that package flag
// looks for.
func (s setting) usage() string {
	text := s.help
	if s.enum != nil {
		text += ": " + strings.TrimPrefix(strings.Join(s.enum, ", "), ", ")
	}
	if s.typ.Kind() == reflect.Bool {
		return text
	}
	return "`" + s.kind() + "`: " + text
}

// parseFlags is fs.Parse with errors of our type, and said once: by the caller.
func parseFlags(fs *flag.FlagSet, args []string) error {
	if fs.ErrorHandling() != flag.ContinueOnError {
		return fs.Parse(args) // exits or panics by itself
	}
	out, usage := fs.Output(), fs.Usage
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(args)
	fs.SetOutput(out)
	fs.Usage = usage
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flag.ErrHelp):
		printUsage(fs)
		return err
	}
	e := &Error{File: "flags", Msg: err.Error(), cause: err}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		e.File, e.Msg = "flag -"+name, "unknown flag"+didYouMean(name, flagNames(fs))
	}
	return e
}

func printUsage(fs *flag.FlagSet) {
	if fs.Usage != nil {
		fs.Usage()
		return
	}
	fmt.Fprintf(fs.Output(), "Usage of %s:\n", fs.Name())
	fs.PrintDefaults()
}

func flagNames(fs *flag.FlagSet) []string {
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}
