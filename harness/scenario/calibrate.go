package scenario

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// Line is the counter of last resort: tokens as a straight line over bytes, fitted
// to what the server itself counted for two probe texts. It holds for the filler of
// this package, whose make-up is the same at any length, and for no other text.
type Line struct {
	PerByte float64 // tokens a byte of filler
	Offset  float64 // tokens of an empty prompt: what the server adds
}

// Count gives the tokens of a built prompt, rounded. It never fails.
func (l *Line) Count(_ context.Context, text string) (int, error) {
	return int(math.Round(l.Offset + l.PerByte*float64(len(text)))), nil
}

// Source is "calibrated".
func (l *Line) Source() string { return "calibrated" }

func (l *Line) bytes(tokens int) int {
	return int(math.Round((float64(tokens) - l.Offset) / l.PerByte))
}

// probePerClass words of each length make a block of probe text: 32 words.
const probePerClass = 8

// ProbeText is a text of the make-up of a built prompt, with so many blocks of 32
// words. Texts of different n share no beginning: some servers count only the part
// of a prompt that their cache did not have.
func ProbeText(blocks int) string {
	rng := Key{Cell: "calibrate", Request: blocks}.source(0)
	var b strings.Builder
	b.WriteString(rng.lead())
	for range blocks {
		b.WriteString(spaced(quads(rng, firstOf(probePerClass))))
	}
	b.WriteString(Instruction)
	return b.String()
}

// Probe is what a server counted for a text.
type Probe struct {
	Text   string
	Tokens int // prompt tokens by the server's usage
}

// Calibrate fits the line through two probes, the larger at least three times the
// smaller. It refuses figures that can't come from counting whole prompts: fewer
// than one token for every ten bytes of common short words, or more than one a byte.
func Calibrate(small, large Probe) (*Line, error) {
	bytes := len(large.Text) - len(small.Text)
	if len(large.Text) < 3*len(small.Text) {
		return nil, fmt.Errorf("calibrate: probes of %d and %d bytes are too close", len(small.Text), len(large.Text))
	}
	per := float64(large.Tokens-small.Tokens) / float64(bytes)
	if per < 0.1 || per > 1.05 {
		return nil, fmt.Errorf("calibrate: the server counted %d tokens for a prompt of %d bytes and %d for %d bytes: "+
			"it cuts prompts, or does not count all of them",
			small.Tokens, len(small.Text), large.Tokens, len(large.Text))
	}
	return &Line{PerByte: per, Offset: float64(small.Tokens) - per*float64(len(small.Text))}, nil
}
