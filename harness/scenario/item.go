package scenario

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Item is a prompt that a person wrote.
type Item struct {
	ID        string `yaml:"id"`         // [a-z0-9_]+, unique in its file; part of benchmark names
	Name      string `yaml:"name"`       // for people; empty: the id
	Category  string `yaml:"category"`   // free word that reports group by; may be empty
	Prompt    string `yaml:"prompt"`     // the text as sent
	MaxTokens int    `yaml:"max_tokens"` // output limit, tokens; 0: the run's own
}

// LoadItems reads a prompt file: a list of items in YAML or JSON, at the top or under
// the key "prompts".
func LoadItems(path string) ([]Item, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("prompt file: %w", err)
	}
	return ParseItems(path, data)
}

// ParseItems reads the content of a prompt file; name stands in errors, which give
// name:line:column for each thing wrong. Unknown keys are errors.
func ParseItems(name string, data []byte) ([]Item, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	p := itemParser{name: name, seen: map[string]int{}}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s:1:1: expected a list of prompts, found %d documents", name, len(file.Docs))
	}
	list := p.list(file.Docs[0].Body)
	var items []Item
	if list != nil {
		for _, n := range list.Values {
			items = append(items, p.item(n))
		}
		if len(items) == 0 {
			p.fail(list, "the list of prompts is empty")
		}
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return items, nil
}

// syntaxError puts the place of goccy's error in front, and leaves its excerpt out.
func syntaxError(name string, err error) error {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil && ye.GetToken().Position != nil {
		at := ye.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", name, at.Line, at.Column, ye.GetMessage())
	}
	return fmt.Errorf("%s: %w", name, err)
}

type itemParser struct {
	name string
	seen map[string]int // id to line
	errs []error
}

func (p *itemParser) fail(n ast.Node, format string, args ...any) {
	at := n.GetToken().Position
	p.errs = append(p.errs, fmt.Errorf("%s:%d:%d: %s", p.name, at.Line, at.Column, fmt.Sprintf(format, args...)))
}

// fields lists a mapping's pairs; goccy gives a mapping of one pair as the pair.
func fields(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

func (p *itemParser) list(root ast.Node) *ast.SequenceNode {
	if pairs, ok := fields(root); ok {
		for _, kv := range pairs[min(1, len(pairs)):] {
			p.fail(kv.Key, "unknown key %q: expected prompts alone", kv.Key.GetToken().Value)
		}
		if len(pairs) == 0 || pairs[0].Key.GetToken().Value != "prompts" {
			p.fail(root, "expected a list of prompts, or the key prompts with one")
			return nil
		}
		root = pairs[0].Value
	}
	list, ok := root.(*ast.SequenceNode)
	if !ok {
		p.fail(root, "expected a list of prompts")
		return nil
	}
	return list
}

var idForm = regexp.MustCompile(`^[a-z0-9_]+$`)

func (p *itemParser) item(n ast.Node) Item {
	var it Item
	pairs, ok := fields(n)
	if !ok {
		p.fail(n, "expected a prompt with the keys id, name, category, prompt, max_tokens")
		return it
	}
	have := map[string]ast.Node{}
	for _, kv := range pairs {
		key := kv.Key.GetToken().Value
		if have[key] != nil {
			p.fail(kv.Key, "key %s is given twice", key)
		}
		have[key] = kv.Value
		p.field(&it, kv, key)
	}
	p.check(n, &it, have)
	return it
}

// field sets the one field that kv names.
func (p *itemParser) field(it *Item, kv *ast.MappingValueNode, key string) {
	var target any
	switch key {
	case "id":
		target = &it.ID
	case "name":
		target = &it.Name
	case "category":
		target = &it.Category
	case "prompt":
		target = &it.Prompt
	case "max_tokens":
		target = &it.MaxTokens
	default:
		p.fail(kv.Key, "unknown key %q: expected id, name, category, prompt or max_tokens", key)
		return
	}
	what := "text"
	if key == "max_tokens" {
		what = "a whole number"
	}
	_, isInt := kv.Value.(*ast.IntegerNode)
	_, isString := kv.Value.(*ast.StringNode)
	_, isBlock := kv.Value.(*ast.LiteralNode)
	if (key == "max_tokens" && !isInt) || (key != "max_tokens" && !isString && !isBlock) {
		p.fail(kv.Value, "%s: expected %s, found %s", key, what, strings.ToLower(kv.Value.Type().String()))
		return
	}
	if err := yaml.NodeToValue(kv.Value, target); err != nil {
		p.fail(kv.Value, "%s: expected %s", key, what)
	}
}

// check looks at the finished item.
func (p *itemParser) check(n ast.Node, it *Item, have map[string]ast.Node) {
	at := func(key string) ast.Node {
		if v := have[key]; v != nil {
			return v
		}
		return n
	}
	switch line, twice := p.seen[it.ID]; {
	case have["id"] == nil:
		p.fail(n, "a prompt has no id")
	case !idForm.MatchString(it.ID):
		p.fail(at("id"), "id %q: expected lower-case letters, digits and _ only", it.ID)
	case twice:
		p.fail(at("id"), "id %s was already used in line %d", it.ID, line)
	default:
		p.seen[it.ID] = at("id").GetToken().Position.Line
	}
	if strings.TrimSpace(it.Prompt) == "" {
		p.fail(at("prompt"), "a prompt has no text (key prompt)")
	}
	if it.MaxTokens < 0 {
		p.fail(at("max_tokens"), "max_tokens %d: expected 0 (the run's own limit) or more", it.MaxTokens)
	}
	if it.Name == "" {
		it.Name = it.ID
	}
}
