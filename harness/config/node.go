package config

import (
	"reflect"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// fromNode reads a value as the file spells it. Where it is wrong, the node
// returned is the place: that of the element, for a list.
func (s setting) fromNode(n ast.Node) (reflect.Value, ast.Node, *problem) {
	v := reflect.New(s.typ).Elem()
	var p *problem
	where := n
	switch s.kind() {
	case "integers":
		where, p = s.ints(v, n)
	case "numbers":
		where, p = s.numbers(v, n)
	case "list":
		where, p = s.list(v, n)
	case "mapping":
		where, p = s.pairs(v, n)
	default:
		p = s.scalarNode(v, n)
	}
	if p == nil {
		p = s.check(v)
	}
	return v, where, p
}

// scalarNode is strict about YAML's own types: "5" in quotes is no integer and
// 5 is no text, so that nothing depends on how YAML guesses.
func (s setting) scalarNode(v reflect.Value, n ast.Node) *problem {
	text, isText := textOf(n)
	source, isPlain := plainOf(n)
	switch s.kind() {
	case "text":
		if !isText {
			p := wrong("expected text, got %s", shown(n))
			if isPlain {
				p.hint = "put it in quotes: " + strconv.Quote(source)
			}
			return p
		}
		v.SetString(text)
		return nil
	case "duration":
		if isText {
			return s.scalar(v, text, shown(n))
		}
		return wrong("expected a duration such as 30s, got %s", shown(n))
	case "number":
		if isNull(n) && !isMissing(n) && source == "null" {
			return nil // spelt out; a key with nothing behind it is a slip
		}
	}
	if !isPlain || isNull(n) {
		// A type that cannot be right; "x" is never an integer, number or bool.
		if p := s.scalar(reflect.New(s.typ).Elem(), "x", shown(n)); p != nil {
			return p
		}
	}
	return s.scalar(v, source, shown(n))
}

func (s setting) ints(v reflect.Value, n ast.Node) (ast.Node, *problem) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return n, wrong("expected a list of integers such as [1, 4], got %s", shown(n))
	}
	list := []int{}
	for _, e := range seq.Values {
		one := reflect.New(reflect.TypeFor[int]()).Elem()
		number, isNumber := e.(*ast.IntegerNode)
		if !isNumber {
			return e, notInteger(shown(e))
		}
		if p := integerFromText(one, number.Token.Value, shown(e)); p != nil {
			return e, p
		}
		list = append(list, int(one.Int()))
		if p := checkList(s, list); p != nil {
			return e, p // the list was right without this element
		}
	}
	v.Set(reflect.ValueOf(list))
	return n, nil
}

func (s setting) numbers(v reflect.Value, n ast.Node) (ast.Node, *problem) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return n, wrong("expected a list of numbers such as [0.5, 2], got %s", shown(n))
	}
	list := []float64{}
	for _, e := range seq.Values {
		source, isPlain := plainOf(e)
		if !isPlain {
			return e, wrong("expected a number, got %s", shown(e))
		}
		x, p := finite(source, shown(e))
		if p != nil {
			return e, p
		}
		list = append(list, x)
		if p := checkList(s, list); p != nil {
			return e, p
		}
	}
	v.Set(reflect.ValueOf(list))
	return n, nil
}

func (s setting) list(v reflect.Value, n ast.Node) (ast.Node, *problem) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		p := wrong("expected a list of arguments such as [server, --port, \"{port}\"], got %s", shown(n))
		p.hint = "commands run without a shell: each argument is an element of its own"
		return n, p
	}
	var list []string // an empty list is none
	for _, e := range seq.Values {
		text, ok := verbatim(e)
		if !ok {
			return e, wrong("expected text, got %s", shown(e))
		}
		list = append(list, text)
	}
	v.Set(reflect.ValueOf(list))
	return n, nil
}

func (s setting) pairs(v reflect.Value, n ast.Node) (ast.Node, *problem) {
	pairs, ok := entries(n)
	if !ok {
		return n, wrong("expected names with values such as {NAME: value}, got %s", shown(n))
	}
	m := map[string]string{}
	for _, pair := range pairs {
		name := keyName(pair.Key)
		if _, twice := m[name]; twice {
			return pair.Key, wrong("%q is in the mapping twice", name)
		}
		text, ok := verbatim(pair.Value)
		if isMissing(pair.Value) {
			return pair.Key, wrong("expected text after %q, got nothing", name)
		}
		if !ok {
			return pair.Value, wrong("expected text, got %s", shown(pair.Value))
		}
		m[name] = text
	}
	if len(m) > 0 {
		v.Set(reflect.ValueOf(m))
	}
	return n, nil
}

// textOf is the text of a quoted, plain or block string.
func textOf(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	}
	return "", false
}

// plainOf is the source text of a number, true, false or null.
func plainOf(n ast.Node) (string, bool) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func isNull(n ast.Node) bool {
	_, ok := n.(*ast.NullNode)
	return ok
}

// isMissing is true of a key with nothing behind it. The place the parser gives
// that nothing depends on what follows, so errors point at the key.
func isMissing(n ast.Node) bool {
	return n == nil || isNull(n) && n.GetToken().Type == token.ImplicitNullType
}

// verbatim is the text of an argument or of a variable's value. There, numbers
// and booleans stand for their own source text (--port 8000 needs no quotes),
// which no rule of YAML can change.
func verbatim(n ast.Node) (string, bool) {
	if text, ok := textOf(n); ok {
		return text, true
	}
	text, ok := plainOf(n)
	return text, ok && !isNull(n)
}

// shown names a value in a message: its text, shortened, or its kind.
func shown(n ast.Node) string {
	if text, ok := textOf(n); ok {
		if runes := []rune(text); len(runes) > 40 {
			text = string(runes[:40]) + "…"
		}
		return strconv.Quote(text)
	}
	if text, ok := plainOf(n); ok && !isNull(n) {
		return text
	}
	switch n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.AnchorNode, *ast.AliasNode:
		return "an anchor or alias, which this file can't have"
	case *ast.TagNode:
		return "a tag, which this file can't have"
	}
	return "something else"
}
