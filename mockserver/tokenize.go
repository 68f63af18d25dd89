package mockserver

import (
	"unicode"
	"unicode/utf8"
)

// Tokens that are not text.
const (
	// BOSTokens are added once in front of a prompt when special tokens are
	// asked for: always in completions, in /tokenize by add_special(_tokens).
	BOSTokens = 1
	// TemplateTokensPerMessage are added by the chat template for each message
	// (opening mark, role, newline, closing mark).
	TemplateTokensPerMessage = 4
	// TemplateTokensAnswer are added once by the chat template to open the
	// answer.
	TemplateTokensAnswer = 3
)

// CountTokens counts the tokens of a text by the rule of this server, without
// special tokens:
//
//   - a maximal run of letters and digits (Unicode categories L and N) is one
//     token, together with a single space U+0020 right before it;
//   - any other character that is not white space is one token, and so is a byte
//     that is not UTF-8;
//   - what remains of a run of white space is one token.
//
// " the cat" has 2 tokens, "the  cat" has 3, "it's, ok" has 5 (the space before
// ok belongs to it). Counting is additive at word boundaries: if a does not end
// in white space and b starts with white space, the count of a+b is the sum.
func CountTokens(text string) int {
	n := 0
	for i := 0; i < len(text); n++ {
		i = nextToken(text, i)
	}
	return n
}

type class uint8

const (
	other class = iota
	word
	space
	wide // the start of a character beyond ASCII, to be decoded
)

// byteClass holds the class of each ASCII byte, and wide for the rest: the loops
// below spend their time here.
var byteClass = func() (t [256]class) {
	for i := range t {
		t[i] = wide
		if i < utf8.RuneSelf {
			t[i] = classOf(rune(i))
		}
	}
	return t
}()

func classOf(r rune) class {
	switch {
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return word
	case unicode.IsSpace(r):
		return space
	}
	return other
}

func classAt(s string, i int) (class, int) {
	if c := byteClass[s[i]]; c != wide {
		return c, 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && size == 1 {
		return other, 1
	}
	return classOf(r), size
}

// nextToken returns the end of the token that starts at i < len(s).
func nextToken(s string, i int) int {
	// Nearly every token of a prompt is a space and a word.
	if s[i] == ' ' && i+1 < len(s) && byteClass[s[i+1]] == word {
		return endOf(word, s, i+2)
	}
	c, size := classAt(s, i)
	switch c {
	case other:
		return i + size
	case word:
		return endOf(word, s, i+size)
	}
	end := endOf(space, s, i+size)
	if end == len(s) || s[end-1] != ' ' {
		return end
	}
	if c, size := classAt(s, end); c == word {
		if end-1 == i {
			return endOf(word, s, end+size)
		}
		return end - 1
	}
	return end
}

func endOf(want class, s string, i int) int {
	for {
		for i < len(s) && byteClass[s[i]] == want {
			i++
		}
		if i == len(s) || byteClass[s[i]] != wide {
			return i
		}
		c, size := classAt(s, i)
		if c != want {
			return i
		}
		i += size
	}
}

// sequence is a tokenised prompt: its length and the chained hash of each full
// block, so that equal hashes mean equal prefixes.
type sequence struct {
	tokens int
	blocks []uint64

	chain uint64 // hash of everything up to the last full block
	open  uint64 // hash of what the open block has so far
}

func mix(a, b uint64) uint64 {
	h := (a ^ b) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// hashText is the same in every process, since the answer to a prompt is drawn
// from it and both stages must give the same one. hash/maphash is not, and FNV
// goes byte by byte, which a prompt of 800 KB would feel.
func hashText(s string) uint64 {
	h := uint64(len(s)) + 1
	for ; len(s) >= 8; s = s[8:] {
		h = mix(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56) + 1
	}
	for i := range len(s) {
		h = mix(h, uint64(s[i])) + 1
	}
	return h
}

// special adds n tokens that are not text.
func (q *sequence) special(n int, id uint64) {
	for range n {
		q.open = mix(q.open, id)
		q.step()
	}
}

// text adds the tokens of s.
func (q *sequence) text(s string) {
	start, room := 0, BlockTokens-q.tokens%BlockTokens
	for i := 0; i < len(s); {
		i = nextToken(s, i)
		q.tokens++
		if room--; room == 0 || i == len(s) {
			q.open = mix(q.open, hashText(s[start:i]))
			start = i
		}
		if room == 0 {
			q.close()
			room = BlockTokens
		}
	}
}

func (q *sequence) step() {
	q.tokens++
	if q.tokens%BlockTokens == 0 {
		q.close()
	}
}

func (q *sequence) close() {
	q.chain = mix(q.chain, q.open) + 1
	q.blocks = append(q.blocks, q.chain)
	q.open = 0
}

// fingerprint tells prompts apart; the answer is drawn from it.
func (q *sequence) fingerprint() uint64 { return mix(q.chain, q.open) }

// clip shortens the sequence, as a server does that cuts a prompt silently.
// Which end is cut does not matter here: no text is looked at again.
func (q *sequence) clip(tokens int) {
	if tokens < q.tokens {
		q.tokens = tokens
		q.blocks = q.blocks[:tokens/BlockTokens]
	}
}

// message is one turn of a chat.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func completionSequence(prompt string, special bool) sequence {
	var q sequence
	if special {
		q.special(BOSTokens, 1)
	}
	q.text(prompt)
	return q
}

func chatSequence(messages []message) sequence {
	var q sequence
	q.special(BOSTokens, 1)
	for _, m := range messages {
		q.special(TemplateTokensPerMessage, hashText(m.Role))
		q.text(m.Content)
	}
	q.special(TemplateTokensAnswer, 2)
	return q
}
