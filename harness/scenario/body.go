package scenario

import "strings"

// body is the filler between lead and instruction, as pieces of the vocabulary.
type body struct {
	vocab *vocabulary
	rng   *pcg
	words []uint16 // indices of vocab.pieces
	rest  []uint16 // of the current permuted block
	tail  int      // words at the end that were taken from the cycle, in its order
}

func newBody(v *vocabulary, rng *pcg) *body { return &body{vocab: v, rng: rng} }

func (b *body) len() int { return len(b.words) }

// correct changes the text by so many tokens, try being the corrections before. It
// reports false where no choice of pieces comes to that.
func (b *body) correct(tokens, try int) bool {
	if b.vocab.cycle == nil || len(b.words) == 0 {
		return b.adjust(tokens, try)
	}
	if b.tail+tokens < 0 {
		// Taking permuted words away may undo merges too: take more than needed and
		// let the next count say what to add.
		drop := min(b.tail-2*(b.tail+tokens)+try, len(b.words))
		b.words = b.words[:len(b.words)-drop]
		tokens += drop
		b.tail = 0
	}
	if tokens < 0 {
		return false
	}
	b.turn(tokens)
	return true
}

// turn adds n words of the cycle, or takes away -n of them.
func (b *body) turn(n int) {
	if n < 0 {
		b.words = b.words[:len(b.words)+n]
	}
	for i := range n {
		b.words = append(b.words, b.vocab.cycle[(b.tail+i)%len(b.vocab.cycle)])
	}
	b.tail += n
}

// adjust changes the summed cost by delta, replacing at least again words at the end
// (a repeated correction must not try the same seam twice). It reports false where
// no choice of pieces comes to that sum.
func (b *body) adjust(delta, again int) bool {
	for range min(again, len(b.words)) {
		delta += b.pop()
	}
	for !b.vocab.fillable(delta) {
		if len(b.words) == 0 {
			return false
		}
		delta += b.pop()
	}
	for delta > b.vocab.largest() {
		w := b.next()
		b.words = append(b.words, w)
		delta -= b.vocab.pieces[w].cost
	}
	for delta > 0 {
		coins := b.vocab.coins[b.vocab.change[delta]]
		b.words = append(b.words, coins[b.rng.intn(len(coins))])
		delta -= b.vocab.change[delta]
	}
	return true
}

func (b *body) pop() (cost int) {
	last := len(b.words) - 1
	cost = b.vocab.pieces[b.words[last]].cost
	b.words = b.words[:last]
	return cost
}

// next takes the next word of the current block. Every block is a permutation of the
// same words and so costs the same.
func (b *body) next() uint16 {
	if len(b.rest) == 0 {
		b.rest = b.vocab.block(b.rng)
	}
	w := b.rest[0]
	b.rest = b.rest[1:]
	return w
}

func (b *body) String() string {
	size := 0
	for _, w := range b.words {
		size += 1 + len(b.vocab.pieces[w].text)
	}
	var s strings.Builder
	s.Grow(size)
	for _, w := range b.words {
		s.WriteByte(' ')
		s.WriteString(b.vocab.pieces[w].text)
	}
	return s.String()
}
