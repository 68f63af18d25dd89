package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// piece is a word of filler; with the space before it, it costs cost tokens (bytes,
// where the counter is a Line).
type piece struct {
	text string
	cost int
}

// vocabulary is what a builder may put into a body, and how sums of costs are made
// of it: the coin problem, solved once.
type vocabulary struct {
	pieces    []piece
	filler    []uint16   // the words of a block; the other pieces only make change
	coins     [][]uint16 // pieces by cost
	change    []int      // for each sum up to largest: the cost of one piece in it; 0: no such sum
	limit     int        // from here on every multiple of divisor is a sum
	divisor   int        // greatest common divisor of all costs
	blockCost int
	strata    [len(classes)][]uint16 // filler by length; empty: blocks need no make-up
	cycle     []uint16               // one-token words known not to merge in this order; nil: none found
}

// newVocabulary takes the filler and pieces that only make change.
func newVocabulary(filler, extra []piece) *vocabulary {
	v := &vocabulary{pieces: append(slices.Clone(filler), extra...)}
	most := 0
	for i, p := range v.pieces {
		if i < len(filler) {
			v.filler = append(v.filler, uint16(i))
			v.blockCost += p.cost
		}
		most = max(most, p.cost)
		v.divisor = gcd(v.divisor, p.cost)
	}
	v.coins = make([][]uint16, most+1)
	for i, p := range v.pieces {
		v.coins[p.cost] = append(v.coins[p.cost], uint16(i))
	}
	// Above most squared every multiple of the divisor is a sum, often from much
	// lower on. Twice that leaves room for one more word above the limit.
	v.change = make([]int, 2*most*most+64)
	for s := 1; s < len(v.change); s++ {
		for c := min(most, s); c > 0; c-- { // the largest first: words rather than scraps
			if len(v.coins[c]) > 0 && (s == c || v.change[s-c] > 0) {
				v.change[s] = c
				break
			}
		}
	}
	for s := len(v.change) - 1; s > 0 && (v.change[s] > 0 || s%v.divisor != 0); s-- {
		v.limit = s
	}
	return v
}

// largest is the sum at which adjust stops to take whole words off a block and makes
// change: as late as can be, since change favours some words.
func (v *vocabulary) largest() int { return v.limit + len(v.coins) - 1 }

// block is a permutation of the filler.
func (v *vocabulary) block(rng *pcg) []uint16 {
	if v.strata[0] != nil {
		return quads(rng, v.strata)
	}
	b := slices.Clone(v.filler)
	shuffle(rng, b)
	return b
}

// fillable tells whether pieces can come to sum.
func (v *vocabulary) fillable(sum int) bool {
	if sum <= 0 {
		return sum == 0
	}
	if sum < len(v.change) {
		return v.change[sum] > 0
	}
	return sum%v.divisor == 0
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// byteVocabulary has the pieces of a calibrated builder: cost in bytes, words in the
// same make-up as in ProbeText.
func byteVocabulary() *vocabulary {
	var filler, extra []piece
	var strata [len(classes)][]uint16
	for i, class := range firstOf(probePerClass) {
		for _, w := range class {
			strata[i] = append(strata[i], uint16(len(filler)))
			filler = append(filler, piece{w, 1 + len(w)})
		}
	}
	for _, w := range short {
		extra = append(extra, piece{w, 1 + len(w)})
	}
	v := newVocabulary(filler, extra)
	v.strata = strata
	return v
}

const (
	fewestSingles = 16 // one-token words that make a filler
	mixedPerClass = 4  // words of each length, where words are several tokens
	singleCalls   = 48 // counts spent on looking for one-token words
	cycleWords    = 16 // one-token words that are known to be one in a row
)

// probe asks a counter what words cost.
type probe struct {
	ctx     context.Context
	counter Counter
	frame   int
	calls   int
}

// learn finds the vocabulary: one-token words if the tokenizer has enough of them,
// else a few words with the cost of each.
func (p *probe) learn() (*vocabulary, error) {
	var err error
	if p.frame, err = p.cost(""); err != nil {
		return nil, err
	}
	all := quads(&pcg{inc: 1}, classes)
	total, err := p.cost(spaced(all))
	if err != nil {
		return nil, err
	}
	if total < len(all)*3/2 {
		single, err := p.singles(all, total)
		if err != nil {
			return nil, err
		}
		if len(single) >= fewestSingles {
			v := newVocabulary(single, nil)
			v.cycle, err = p.cycle(v)
			return v, err
		}
	}
	filler, err := p.price(quads(&pcg{inc: 1}, firstOf(mixedPerClass)))
	if err != nil {
		return nil, err
	}
	extra, err := p.price(short)
	if err != nil {
		return nil, err
	}
	if len(filler) == 0 {
		return nil, fmt.Errorf("count prompt tokens: the %s counts nothing for %d words", p.counter.Source(), len(all))
	}
	return newVocabulary(filler, extra), nil
}

// cost counts what body adds to the empty prompt; the first call, with an empty
// body, gives the empty prompt itself.
func (p *probe) cost(body string) (int, error) {
	p.calls++
	n, err := p.counter.Count(p.ctx, strings.Repeat("q", LeadLetters/2)+"zvxkjw"+body+Instruction)
	if err != nil {
		return 0, fmt.Errorf("count prompt tokens: %w", err)
	}
	return n - p.frame, nil
}

// singles halves the words until each group costs one token a word.
func (p *probe) singles(words []string, cost int) ([]piece, error) {
	if cost == len(words) {
		var out []piece
		for _, w := range words {
			out = append(out, piece{w, 1})
		}
		return out, nil
	}
	if len(words) == 1 || p.calls > singleCalls {
		return nil, nil
	}
	half := len(words) / 2
	left, err := p.cost(spaced(words[:half]))
	if err != nil {
		return nil, err
	}
	a, err := p.singles(words[:half], left)
	if err != nil {
		return nil, err
	}
	b, err := p.singles(words[half:], cost-left)
	return append(a, b...), err
}

// price counts each word by itself, four times over so that the seams to its
// neighbours weigh less.
func (p *probe) price(words []string) ([]piece, error) {
	var out []piece
	for _, w := range words {
		n, err := p.cost(strings.Repeat(" "+w, 4))
		if err != nil {
			return nil, err
		}
		if c := (n + 2) / 4; c > 0 {
			out = append(out, piece{w, c})
		}
	}
	return out, nil
}

func spaced(words []string) string { return " " + strings.Join(words, " ") }

// cycle looks for words that stay one token each when they follow one another round
// and round. Corrections are made of them: so many words more are so many tokens more.
func (p *probe) cycle(v *vocabulary) ([]uint16, error) {
	for from := 0; from+cycleWords <= len(v.filler); from += cycleWords {
		ring := v.filler[from : from+cycleWords]
		var words []string
		for _, w := range ring {
			words = append(words, v.pieces[w].text)
		}
		n, err := p.cost(spaced(append(words, words...)))
		if err != nil {
			return nil, err
		}
		if n == 2*cycleWords {
			return ring, nil
		}
	}
	return nil, nil
}
