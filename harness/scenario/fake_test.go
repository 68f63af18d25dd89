package scenario

import (
	"context"
	"hash/fnv"
	"strings"
	"unicode"
)

// The fake tokenizers below stand for the families that exist; each counts calls.
type fake struct {
	name   string
	least  int // below this no prompt exists
	rule   func(string) int
	merges bool // tokens that span words
	calls  int
}

func (f *fake) Count(_ context.Context, text string) (int, error) {
	f.calls++
	return f.rule(text), nil
}

func (f *fake) Source() string { return "endpoint" }

func byWord(s string) int { return len(strings.Fields(s)) }

func byByte(s string) int { return len(s) }

// template adds what a chat template and a beginning-of-text token add.
func template(rule func(string) int) func(string) int {
	return func(s string) int { return 1 + 11 + rule(s) }
}

// pieces cuts as a byte-pair encoder with a pre-tokenizer does: words with the space
// before them, then into parts of a size that depends on the word (its hash), so that
// some words are one token and some are several.
func pieces(manyParts uint32) func(string) int {
	return func(s string) int {
		n, start := 0, 0
		flush := func(end int) {
			if end > start {
				n += parts(s[start:end], manyParts)
			}
			start = end
		}
		for i, r := range s {
			if unicode.IsSpace(r) || unicode.IsPunct(r) {
				flush(i)
			}
		}
		flush(len(s))
		return n
	}
}

func parts(word string, manyParts uint32) int {
	if len(word) > 10 { // random letters: a token for about two and a half
		return (2*len(word) + 4) / 5
	}
	h := fnv.New32a()
	h.Write([]byte(word))
	if h.Sum32()%100 >= manyParts {
		return 1
	}
	return min(len(word), 2+int(h.Sum32()/100%2))
}

// acrossWords merges over seams, as vocabularies with multi-word tokens do: a word
// that ends with e and a next one that begins with s share a token.
func acrossWords(s string) int { return pieces(0)(s) - strings.Count(s, "e s") }

// perLetterPair has a tiny vocabulary: every two bytes of a word are a token.
func perLetterPair(s string) int {
	n := 0
	for _, w := range strings.Fields(s) {
		n += (len(w) + 2) / 2
	}
	return n
}

// even counts two tokens for each word and so reaches even numbers only.
func even(s string) int { return 2 * len(strings.Fields(s)) }

func fakes() []*fake {
	return []*fake{
		{name: "word", least: 6, rule: byWord},
		{name: "word with template", least: 18, rule: template(byWord)},
		{name: "byte", least: 45, rule: byByte},
		{name: "byte with template", least: 57, rule: template(byByte)},
		{name: "bpe", least: 20, rule: pieces(0)},
		{name: "bpe with template", least: 31, rule: template(pieces(0))},
		{name: "bpe, some words split", least: 31, rule: template(pieces(35))},
		{name: "bpe, most words split", least: 31, rule: template(pieces(95))},
		{name: "bpe, merges across words", least: 31, rule: template(acrossWords), merges: true},
		{name: "letter pairs", least: 31, rule: perLetterPair},
	}
}
