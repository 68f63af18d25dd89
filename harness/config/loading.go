package config

import (
	"cmp"
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// layers, the lowest precedence first.
const (
	fromDefault = iota
	fromFile
	fromEnv
	fromFlag
)

// origin is where a value came from.
type origin struct {
	layer        int
	name         string // file, "environment AIBENCH_USERS", "flag -users"
	line, column int
}

// loading is a configuration on its way: values, where each came from, and what
// was wrong so far.
type loading struct {
	cfg      Config
	settings []setting
	byKey    map[string]setting
	name     string            // of the file, in errors
	origins  map[string]origin // by key, of its value
	failed   map[string]bool   // keys whose value was refused
	errs     []*Error
}

func newLoading() *loading {
	l := &loading{
		cfg:      Default(),
		settings: settings(),
		byKey:    map[string]setting{},
		origins:  map[string]origin{},
		failed:   map[string]bool{},
	}
	for _, s := range l.settings {
		l.byKey[s.key] = s
	}
	return l
}

// finish checks what holds between keys, and returns all that was wrong: the
// file's errors in its order, then those of variables and flags.
//
// A finding about a key that was refused already would only mislead, and after
// a file that couldn't be read at all any would.
func (l *loading) finish() (Config, error) {
	refused := maps.Clone(l.failed)
	for _, f := range findings(l.cfg) {
		if refused[""] {
			break
		}
		if !slices.ContainsFunc(f.keys, func(k string) bool { return refused[k] }) {
			l.fail(f.keys[0], l.locate(f.keys), &f.problem)
		}
	}
	slices.SortStableFunc(l.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if err := join(l.errs); err != nil {
		return Config{}, err
	}
	return l.cfg, nil
}

// rank sorts errors without a line behind those of the file.
func rank(e *Error) int {
	if e.Line > 0 {
		return 0
	}
	return 1
}

// locate is the place of the first of keys that was given at all: a finding
// about a missing key is shown at the key that asks for it.
func (l *loading) locate(keys []string) origin {
	for _, k := range keys {
		if at, ok := l.origins[k]; ok {
			return at
		}
	}
	return l.at(1, 1)
}

func (l *loading) fail(key string, at origin, p *problem) {
	l.failed[key] = true
	l.errs = append(l.errs, &Error{
		File: at.name, Line: at.line, Column: at.column, Key: key, Msg: p.msg, Hint: p.hint,
	})
}

func (l *loading) at(line, column int) origin {
	return origin{layer: fromFile, name: l.name, line: line, column: column}
}

func (l *loading) atNode(n ast.Node) origin { return l.atToken(firstToken(n)) }

// firstToken is where a node begins; nil for no node.
func firstToken(n ast.Node) *token.Token {
	if n == nil {
		return nil
	}
	if pairs, ok := entries(n); ok && len(pairs) > 0 && !isFlow(n) {
		return pairs[0].Key.GetToken() // a block mapping's own token is its first colon
	}
	return n.GetToken()
}

func isFlow(n ast.Node) bool {
	m, ok := n.(*ast.MappingNode)
	return ok && m.IsFlowStyle
}

func (l *loading) atToken(t *token.Token) origin {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return l.at(1, 1)
	}
	return l.at(t.Position.Line, max(1, t.Position.Column))
}

// set gives a key the text of a variable or flag.
func (l *loading) set(s setting, text string, at origin) {
	v, p := s.fromText(text)
	if p != nil {
		l.fail(s.key, at, p)
		return
	}
	l.makeRoom(s.key, at.layer)
	s.field(&l.cfg).Set(v)
	l.origins[s.key] = at
}

// makeRoom drops what a higher layer replaces as a whole: a sweep is given by a
// list or by a range, and `-contexts` on the command line replaces the range of
// the file (and the other way round). Both in one layer is an error.
func (l *loading) makeRoom(key string, layer int) {
	var rivals []string
	switch key {
	case "contexts":
		rivals = []string{"context_start", "context_end", "context_step", "step_mode"}
	case "context_start", "context_end":
		rivals = []string{"contexts"}
	}
	def := Default()
	for _, k := range rivals {
		if at, given := l.origins[k]; given && at.layer < layer {
			s := l.byKey[k]
			s.field(&l.cfg).Set(s.field(&def))
			delete(l.origins, k)
		}
	}
}
