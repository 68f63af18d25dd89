package scenario

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strconv"
)

// Key is what makes a prompt unique. Equal keys (and lengths) give equal texts on
// every machine; keys that differ in any field give unrelated texts.
type Key struct {
	Seed    uint64 // of the run; the same for both stages, so that they do the same work
	Salt    string // "" or the stage, where the stages must not share a prompt cache
	Cell    string // Cell.Name
	Trial   int    // from 1; 0: warm-up
	Request int    // within the trial, from 0
}

// source makes the random stream of the prompt of want tokens. The fields are
// hashed with their lengths, so that no two keys run into each other.
func (k Key) source(want int) *pcg {
	h := sha256.New()
	for _, f := range []string{
		"aibench prompt v1", strconv.FormatUint(k.Seed, 10), k.Salt, k.Cell,
		strconv.Itoa(k.Trial), strconv.Itoa(k.Request), strconv.Itoa(want),
	} {
		h.Write(binary.AppendUvarint(nil, uint64(len(f))))
		h.Write([]byte(f))
	}
	sum := h.Sum(nil)
	return &pcg{
		state: binary.LittleEndian.Uint64(sum[0:]),
		inc:   binary.LittleEndian.Uint64(sum[8:]) | 1,
	}
}

// pcg is the PCG-XSH-RR generator (O'Neill 2014). It is our own because prompts
// must stay the same for ever: math/rand/v2 keeps its source but not the way
// in which Perm and IntN draw from it.
type pcg struct{ state, inc uint64 }

func (p *pcg) uint32() uint32 {
	old := p.state
	p.state = old*6364136223846793005 + p.inc
	return bits.RotateLeft32(uint32(((old>>18)^old)>>27), -int(old>>59))
}

// intn draws from [0, n) for n up to 1<<16; the bias of the multiplication is
// below n / 2^32 and harmless here.
func (p *pcg) intn(n int) int { return int(uint64(p.uint32()) * uint64(n) >> 32) }

// shuffle permutes s (Fisher and Yates).
func shuffle[T any](p *pcg, s []T) {
	for i := len(s) - 1; i > 0; i-- {
		j := p.intn(i + 1)
		s[i], s[j] = s[j], s[i]
	}
}

// LeadLetters is the number of random letters at the beginning of every prompt:
// 26^12 is more than 2^56.
const LeadLetters = 12

func (p *pcg) lead() string {
	var b [LeadLetters]byte
	for i := range b {
		b[i] = 'a' + byte(p.intn(26))
	}
	return string(b[:])
}

// identity is what a record keeps of a text.
func identity(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
