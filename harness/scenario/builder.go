package scenario

import (
	"context"
	"fmt"
	"math"
)

// Counter counts the tokens of a whole prompt as the engine under test will report
// them, with everything that the engine adds (beginning-of-text, chat template).
type Counter interface {
	Count(ctx context.Context, text string) (tokens int, err error)
	Source() string // endpoint, tokenizer or calibrated; see definitions.md, Tokens
}

// Prompt is a text and what is known of its length.
type Prompt struct {
	Text   string
	Tokens int    // by the counter
	Wanted int    // as asked; equals Tokens unless Source is calibrated
	Source string // Counter.Source
	ID     string // hash of Text, the identity that a record keeps
}

// maxCounts bounds the corrections of one prompt. Two counts are the rule, three
// where a tokenizer merges across words.
const maxCounts = 24

// Builder writes prompts of an exact number of tokens. It doesn't change after
// [NewBuilder] and may be used by several goroutines if its counter may.
type Builder struct {
	counter Counter
	vocab   *vocabulary
	frame   int     // what lead and instruction cost, tokens (bytes for a Line)
	scale   float64 // tokens that a piece's cost comes to in running text; 1 without merges
}

// scaleWords is the length of the text in which merges between words are measured.
const scaleWords = 2048

// NewBuilder learns the counter's tokenizer: what the frame costs, which filler words
// are one token each, and what is lost to merges between words. A tokenizer of a
// large vocabulary takes four counts, a bytewise one about thirty.
func NewBuilder(ctx context.Context, c Counter) (*Builder, error) {
	if _, ok := c.(*Line); ok {
		return &Builder{counter: c, vocab: byteVocabulary(), frame: LeadLetters + len(Instruction), scale: 1}, nil
	}
	p := probe{ctx: ctx, counter: c}
	v, err := p.learn()
	if err != nil {
		return nil, err
	}
	body := newBody(v, Key{Cell: "probe"}.source(0))
	estimate := (scaleWords + len(v.filler) - 1) / len(v.filler) * v.blockCost
	body.adjust(estimate, 0)
	n, err := p.cost(body.String())
	if err != nil {
		return nil, err
	}
	if n <= 0 {
		return nil, fmt.Errorf("count prompt tokens: the %s counts nothing for %d words", c.Source(), body.len())
	}
	return &Builder{counter: c, vocab: v, frame: p.frame, scale: float64(n) / float64(estimate)}, nil
}

// Prompt writes the prompt of want tokens for k. It fails where no such text exists:
// want is below what lead, instruction and chat template need.
func (b *Builder) Prompt(ctx context.Context, want int, k Key) (Prompt, error) {
	rng := k.source(want)
	lead := rng.lead()
	body := newBody(b.vocab, rng)
	if line, ok := b.counter.(*Line); ok {
		return b.calibrated(ctx, line, lead, body, want)
	}
	possible := body.adjust(b.first(want-b.frame), 0)
	for try := range maxCounts {
		if !possible {
			return Prompt{}, b.impossible(ctx, want, lead)
		}
		text := lead + body.String() + Instruction
		n, err := b.counter.Count(ctx, text)
		if err != nil {
			return Prompt{}, fmt.Errorf("count prompt tokens: %w", err)
		}
		if n == want {
			return b.prompt(text, n, want), nil
		}
		possible = body.correct(want-n, try)
	}
	return Prompt{}, fmt.Errorf("prompt of %d tokens: the %s says otherwise after %d corrections",
		want, b.counter.Source(), maxCounts)
}

// first is the cost of the pieces to begin with, for so many tokens. Where words
// merge it stays below by three standard deviations of what is not known: how many
// merge in this text, and how well the scale is known. Adding is exact, and
// taking away isn't.
func (b *Builder) first(tokens int) int {
	if b.scale == 1 || tokens <= 0 {
		return max(tokens, 0)
	}
	cost, merged := float64(tokens)/b.scale, math.Abs(1-b.scale)
	spread := 3 * (math.Sqrt(merged*cost) + cost*math.Sqrt(merged/scaleWords))
	return max(int(cost-spread), 0)
}

// calibrated fills to the number of bytes that the line says; there is nothing to
// correct against.
func (b *Builder) calibrated(ctx context.Context, line *Line, lead string, body *body, want int) (Prompt, error) {
	if !body.adjust(line.bytes(want)-b.frame, 0) {
		return Prompt{}, b.impossible(ctx, want, lead)
	}
	text := lead + body.String() + Instruction
	n, err := line.Count(ctx, text)
	if err != nil {
		return Prompt{}, err
	}
	return b.prompt(text, n, want), nil
}

func (b *Builder) prompt(text string, n, want int) Prompt {
	return Prompt{Text: text, Tokens: n, Wanted: want, Source: b.counter.Source(), ID: identity(text)}
}

// impossible says why no prompt of want tokens exists.
func (b *Builder) impossible(ctx context.Context, want int, lead string) error {
	n, err := b.counter.Count(ctx, lead+Instruction)
	if err != nil {
		return fmt.Errorf("count prompt tokens: %w", err)
	}
	if n <= want {
		return fmt.Errorf("prompt of %d tokens: this engine's tokenizer gives no text of exactly that many; "+
			"the shortest has %d", want, n)
	}
	return fmt.Errorf("prompt of %d tokens: this engine needs about %d for the unique beginning, "+
		"the instruction and its chat template alone", want, n)
}
