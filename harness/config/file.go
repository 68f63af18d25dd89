package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds what is parsed: the YAML parser recurses, and a stack that
// overflows cannot be recovered from.
const maxFile = 64 << 10

// Load reads, and validates, the configuration file at path.
func Load(path string) (Config, error) {
	l := newLoading()
	l.load(path)
	return l.finish()
}

// Parse reads a configuration file's content; name is what errors call it. All
// errors are reported, in the order of the file; each is an *Error.
func Parse(name string, data []byte) (Config, error) {
	l := newLoading()
	l.read(name, data)
	return l.finish()
}

func (l *loading) load(path string) {
	f, err := os.ReadFile(path)
	if err != nil {
		var pathErr *os.PathError
		cause := err
		if errors.As(err, &pathErr) {
			cause = pathErr.Err
		}
		l.failed[""] = true
		l.errs = append(l.errs, &Error{File: path, Msg: "configuration file can't be read: " + cause.Error(), cause: err})
		return
	}
	l.read(path, f)
}

func (l *loading) read(name string, data []byte) {
	if l.name = name; name == "" {
		l.name = "configuration"
	}
	if len(data) > maxFile {
		l.fail("", l.at(1, 1), wrong("a configuration file has at most %d bytes, this one %d", maxFile, len(data)))
		return
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at, ok := firstInvalid(data); ok {
		head := data[:at]
		line := bytes.Count(head, []byte("\n")) + 1
		column := utf8.RuneCount(head[bytes.LastIndexByte(head, '\n')+1:]) + 1
		l.fail("", l.at(line, column), wrong("expected text in UTF-8 without control characters"))
		return
	}
	root, where, p := parseYAML(data)
	if p != nil {
		l.fail("", l.atToken(where), p)
		return
	}
	if root != nil {
		l.mapping(root, "")
	}
}

// firstInvalid is the offset of the first byte that is no text: YAML allows no
// control characters, and a terminal should not be shown any. A carriage return
// by itself ends a line for YAML but not for editors, so that line numbers would
// differ; it belongs before a line feed.
func firstInvalid(data []byte) (int, bool) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		control := r < ' ' && r != '\t' && r != '\n' || r == 0x7f
		if r == '\r' && i+1 < len(data) && data[i+1] == '\n' {
			control = false
		}
		if control || (r == utf8.RuneError && n <= 1) {
			return i, true
		}
		i += n
	}
	return 0, false
}

// parseYAML returns the content of the file's one document, nil for none. A
// parser that panics on odd input is as good as one that refuses it.
func parseYAML(data []byte) (root ast.Node, where *token.Token, p *problem) {
	defer func() {
		if r := recover(); r != nil {
			root, where, p = nil, nil, wrong("this can't be read as YAML: %v", r)
		}
	}()
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var located yaml.Error
		if errors.As(err, &located) {
			return nil, located.GetToken(), wrong("not YAML: %s", oneLine(located.GetMessage()))
		}
		return nil, nil, wrong("not YAML: %s", oneLine(err.Error()))
	}
	for _, doc := range f.Docs {
		if isEmpty(doc.Body) {
			continue
		}
		if root != nil {
			return nil, firstToken(doc.Body), wrong("expected one document, found a second")
		}
		root = doc.Body
	}
	return root, nil, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// isEmpty is true of a document with nothing but comments.
func isEmpty(n ast.Node) bool {
	switch n.(type) {
	case nil, *ast.CommentGroupNode, *ast.CommentNode:
		return true
	}
	return false
}

// entries are the pairs of a mapping.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

// mapping reads the keys below prefix ("", "stages." or "stages.baseline.").
func (l *loading) mapping(n ast.Node, prefix string) {
	pairs, ok := entries(n)
	if !ok {
		l.fail(strings.TrimSuffix(prefix, "."), l.atNode(n), wrong("expected keys with values, got %s", shown(n)))
		return
	}
	seen := map[string]origin{}
	for _, pair := range pairs {
		name, at := keyName(pair.Key), l.atNode(pair.Key)
		if first, ok := seen[name]; ok {
			l.fail(prefix+name, at, wrong("key %q is already on line %d", name, first.line))
			continue
		}
		seen[name] = at
		l.pair(prefix, name, at, pair.Value)
	}
}

func (l *loading) pair(prefix, name string, at origin, value ast.Node) {
	key := prefix + name
	if s, ok := l.byKey[key]; ok {
		v, where, p := s.fromNode(value)
		if p != nil {
			if !isMissing(where) {
				at = l.atNode(where)
			}
			l.fail(key, at, p)
			return
		}
		s.field(&l.cfg).Set(v)
		l.origins[key] = l.atNode(value)
		return
	}
	names := l.namesBelow(prefix)
	if slices.Contains(names, name) {
		if isMissing(value) {
			l.fail(key, at, wrong("expected keys with values, got nothing"))
			return
		}
		l.mapping(value, key+".")
		return
	}
	l.fail(key, at, unknownKey(prefix, name, names))
}

// namesBelow are the keys that a mapping may have, in the order of the struct.
func (l *loading) namesBelow(prefix string) []string {
	var names []string
	for _, s := range l.settings {
		rest, ok := strings.CutPrefix(s.key, prefix)
		name, _, _ := strings.Cut(rest, ".")
		if ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func unknownKey(prefix, name string, names []string) *problem {
	switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name)) {
	case "apikey", "apitoken", "openaiapikey":
		return &problem{
			msg:  fmt.Sprintf("%q: a key itself is never part of the configuration", name),
			hint: "put the key into an environment variable and give its NAME as api_key_env",
		}
	}
	if prefix == "stages." {
		return wrong("unknown stage %q%s: expected baseline or aidaptiv", name, didYouMean(name, names))
	}
	p := wrong("unknown key %q%s", name, didYouMean(name, names))
	if prefix != "" {
		p.hint = "keys here: " + strings.Join(names, ", ")
	}
	return p
}

func keyName(k ast.MapKeyNode) string {
	switch n := k.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.MappingKeyNode:
		if s, ok := n.Value.(*ast.StringNode); ok {
			return s.Value
		}
	}
	if t := k.GetToken(); t != nil {
		return t.Value
	}
	return ""
}
