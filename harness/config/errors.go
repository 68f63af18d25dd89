package config

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUsage is what every error of this package is (errors.Is): the user has to
// change the file, a flag or a variable. Commands end with exit code 2.
var ErrUsage = errors.New("usage")

// Error is one thing wrong with the configuration, and where it stands.
type Error struct {
	// File is the name of the file, or "flag -users", or "environment
	// AIBENCH_USERS". "" is a Config made in code.
	File string
	// Line and Column count from 1; 0 where the place is no file.
	Line, Column int
	// Key is the full key (stages.baseline.toggle); "" for the whole file.
	Key string
	// Msg says what is wrong and what was expected: lower case, no period.
	Msg string
	// Hint says what to do about it; "" where Msg says it all.
	Hint string

	cause error
}

// Error returns "file:line:column: msg", or the place and the message.
func (e *Error) Error() string {
	switch {
	case e.File != "" && e.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
	case e.File != "":
		return e.File + ": " + e.Msg
	case e.Key != "":
		return e.Key + ": " + e.Msg
	}
	return e.Msg
}

// Is makes every Error an ErrUsage.
func (e *Error) Is(target error) bool { return target == ErrUsage }

// Unwrap returns the error of the system behind it, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// Explain is the text for a person: each error of err on a line of its own, its
// hint on the next. Errors of other packages are shown as they are.
func Explain(err error) string {
	var lines []string
	for _, e := range split(err) {
		lines = append(lines, e.Error())
		var ours *Error
		if errors.As(e, &ours) && ours.Hint != "" {
			lines = append(lines, "  hint: "+ours.Hint)
		}
	}
	return strings.Join(lines, "\n")
}

// split undoes errors.Join.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, split(e)...)
		}
		return all
	}
	return []error{err}
}

// join is errors.Join for our own errors; nil for none.
func join(list []*Error) error {
	all := make([]error, len(list))
	for i, e := range list {
		all[i] = e
	}
	return errors.Join(all...)
}
