package mockserver

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestCountTokens(t *testing.T) {
	for text, want := range map[string]int{
		"":                            0,
		"the":                         1,
		" the":                        1,
		" the cat":                    2,
		"the  cat":                    3, // the, one space left over, " cat"
		"the\ncat":                    3, // only a space joins
		"the \ncat":                   3,
		"the\n cat":                   3,
		"it's, ok":                    5, // it, apostrophe, s, comma, " ok"
		"a1b2 3":                      2,
		"...":                         3,
		" .":                          2,
		"   ":                         1,
		" x   ":                       2,
		"größe naïve":                 2,
		"日本語 кошка":                   2,
		"🚀🚀":                          2,
		"a\u00a0b":                    3, // no-break space is white space, but not U+0020
		"\xff\xfe":                    2,
		"a\xffb":                      3,
		"x\t\n\r y":                   3,
		strings.Repeat(" word", 1000): 1000,
	} {
		assert.Equal(t, want, CountTokens(text), "%q", text)
	}
}

func TestEveryWordOfAnswersIsOneToken(t *testing.T) {
	for _, w := range append(plainWords, wideWords...) {
		assert.Equal(t, 1, CountTokens(w), w)
		assert.Equal(t, 1, CountTokens(" "+w), w)
	}
}

func TestSequenceCountsLikeCountTokens(t *testing.T) {
	for _, text := range []string{"", "a", "hello there, world", strings.Repeat("ab c, ", 100)} {
		q := completionSequence(text, true)
		assert.Equal(t, CountTokens(text)+BOSTokens, q.tokens)
		assert.Len(t, q.blocks, q.tokens/BlockTokens)
		chat := chatSequence([]message{{"user", text}, {"assistant", text}})
		assert.Equal(t, 2*CountTokens(text)+BOSTokens+2*TemplateTokensPerMessage+TemplateTokensAnswer, chat.tokens)
	}
}

func common(a, b sequence) (n int) {
	for n < min(len(a.blocks), len(b.blocks)) && a.blocks[n] == b.blocks[n] {
		n++
	}
	return n
}

// Equal hashes mean equal prefixes: a change shows in its block and in all
// blocks behind it, and in none before.
func TestBlockHashesAreAPrefixChain(t *testing.T) {
	words := strings.Split(strings.TrimSpace(strings.Repeat("word ", 200)), " ")
	base := completionSequence(strings.Join(words, " "), true)
	assert.Equal(t, base, completionSequence(strings.Join(words, " "), true), "the same text, the same hashes")
	for _, at := range []int{0, 14, 15, 100, 199} {
		changed := append([]string(nil), words...)
		changed[at] = "other"
		got := common(base, completionSequence(strings.Join(changed, " "), true))
		assert.Equal(t, min((at+BOSTokens)/BlockTokens, len(base.blocks)), got, "word %d", at)
	}
	// Other boundaries between tokens, the same bytes.
	a, b := completionSequence(strings.Repeat("ab", 8)+strings.Repeat(" x", 40), true), completionSequence(strings.Repeat("ab ", 8)+strings.Repeat(" x", 40), true)
	assert.Zero(t, common(a, b))
	// A conversation goes on: its past is found.
	one := chatSequence([]message{{"user", strings.Repeat(" hi", 60)}})
	two := chatSequence([]message{{"user", strings.Repeat(" hi", 60)}, {"assistant", "yes"}, {"user", strings.Repeat(" more", 60)}})
	assert.Equal(t, 4, common(one, two)) // 65 tokens are common: BOS, 4, 60
}

// The answer to a prompt must be the same in every process.
func TestFingerprintIsStable(t *testing.T) {
	q := completionSequence("the same prompt in two stages, which are two processes", true)
	assert.Equal(t, uint64(0xedc8c40aae821485), q.fingerprint())
}

func FuzzCountTokens(f *testing.F) {
	for _, s := range []string{"", " ", "a b", "it's", "  x\n\ty ", "größe 日本", "\xff \xc3", "a\u2003b"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n := CountTokens(a)
		if n < 0 || n > len(a) {
			t.Fatalf("%q: %d tokens in %d bytes", a, n, len(a))
		}
		if (n == 0) != (a == "") {
			t.Fatalf("%q: %d tokens", a, n)
		}
		for i := 0; i < len(a); {
			end := nextToken(a, i)
			if end <= i || end > len(a) {
				t.Fatalf("%q: token %d..%d", a, i, end)
			}
			i = end
		}
		// Additive where a word, or anything but white space, ends before white
		// space.
		last, size := utf8.DecodeLastRuneInString(a)
		first, _ := utf8.DecodeRuneInString(b)
		whole := last != utf8.RuneError || size != 1 // a cut character may join with the rest
		if a != "" && b != "" && whole && !unicode.IsSpace(last) && unicode.IsSpace(first) {
			if got := CountTokens(a + b); got != n+CountTokens(b) {
				t.Fatalf("%q + %q: %d tokens, alone %d and %d", a, b, got, n, CountTokens(b))
			}
		}
	})
}

func BenchmarkSequence(b *testing.B) {
	text := strings.Repeat(" words", 131071)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		completionSequence(text, true)
	}
}
