package scenario

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func build(t testing.TB, c Counter) *Builder {
	t.Helper()
	b, err := NewBuilder(t.Context(), c)
	require.NoError(t, err)
	return b
}

func TestPromptIsExact(t *testing.T) {
	for _, f := range fakes() {
		t.Run(f.name, func(t *testing.T) {
			b := build(t, f)
			assert.LessOrEqual(t, f.calls, 60, "counts to learn the tokenizer")
			sizes := []int{f.least, 32, 33, 64, 100, 128, 512, 1024, 4096, 8192}
			rng := rand.New(rand.NewPCG(1, 2))
			for range 100 {
				sizes = append(sizes, 32+rng.IntN(4969))
			}
			for i, n := range sizes {
				if n < f.least {
					continue
				}
				p, err := b.Prompt(t.Context(), n, Key{Seed: 7, Cell: "BenchmarkContext", Trial: i})
				require.NoError(t, err)
				require.Equal(t, n, f.rule(p.Text))
				require.Equal(t, Prompt{Text: p.Text, Tokens: n, Wanted: n, Source: "endpoint", ID: identity(p.Text)}, p)
				require.True(t, strings.HasSuffix(p.Text, Instruction))
			}
		})
	}
}

// A count of 131072 tokens is a megabyte sent to the server; it must not be done
// often.
func TestPromptTakesFewCounts(t *testing.T) {
	for _, f := range fakes() {
		t.Run(f.name, func(t *testing.T) {
			b := build(t, f)
			for trial := range 3 {
				f.calls = 0
				p, err := b.Prompt(t.Context(), 131072, Key{Trial: trial})
				require.NoError(t, err)
				require.Equal(t, 131072, f.rule(p.Text))
				require.LessOrEqual(t, f.calls, 3)
			}
		})
	}
}

func TestPromptTooShort(t *testing.T) {
	b := build(t, &fake{rule: byByte})
	_, err := b.Prompt(t.Context(), 20, Key{})
	require.EqualError(t, err, "prompt of 20 tokens: this engine needs about 33 for the unique beginning, "+
		"the instruction and its chat template alone")
	_, err = b.Prompt(t.Context(), -1, Key{})
	require.Error(t, err)
}

func TestPromptThatDoesNotExist(t *testing.T) {
	f := &fake{rule: even}
	b := build(t, f)
	_, err := b.Prompt(t.Context(), 501, Key{})
	require.EqualError(t, err, "prompt of 501 tokens: this engine's tokenizer gives no text of exactly that many; the shortest has 10")
	_, err = b.Prompt(t.Context(), 500, Key{})
	require.NoError(t, err)
}

func TestCounterThatFails(t *testing.T) {
	down := errors.New("no route to host")
	_, err := NewBuilder(t.Context(), failing{down})
	require.ErrorIs(t, err, down)
	require.EqualError(t, err, "count prompt tokens: no route to host")
	_, err = NewBuilder(t.Context(), &fake{rule: func(string) int { return 0 }})
	require.ErrorContains(t, err, "counts nothing")
}

type failing struct{ err error }

func (f failing) Count(context.Context, string) (int, error) { return 0, f.err }
func (f failing) Source() string                             { return "endpoint" }

// Prompts of different keys part within the first 64 characters; in fact within the
// lead, which is at most 12 tokens under any tokenizer.
func TestPromptsShareNoBeginning(t *testing.T) {
	b := build(t, &fake{rule: byWord})
	seen := map[string]Key{}
	add := func(k Key) {
		p, err := b.Prompt(t.Context(), 40, k)
		require.NoError(t, err)
		lead := p.Text[:LeadLetters]
		if other, found := seen[lead]; found {
			t.Fatalf("%v and %v begin with %s", k, other, lead)
		}
		seen[lead] = k
	}
	for trial := range 100 {
		for request := range 50 {
			for _, salt := range []string{"", "aidaptiv"} {
				add(Key{Seed: 1, Salt: salt, Cell: "BenchmarkContext/ctx=40/users=1", Trial: trial, Request: request})
			}
		}
	}
	add(Key{Seed: 2, Cell: "BenchmarkContext/ctx=40/users=1"})
	add(Key{Seed: 1, Cell: "BenchmarkContext/ctx=40/users=2"})
	require.Len(t, seen, 10002)
}

// What a prompt is must never change silently: these were written down once.
func TestPromptIsTheSameEverywhere(t *testing.T) {
	k := Key{Seed: 42, Cell: "BenchmarkContext/ctx=64/users=1", Trial: 3, Request: 1}
	b := build(t, &fake{rule: byWord})
	_, err := b.Prompt(t.Context(), 4000, Key{Seed: 9}) // what was built before has no influence
	require.NoError(t, err)
	first, err := b.Prompt(t.Context(), 64, k)
	require.NoError(t, err)
	again, err := build(t, &fake{rule: byWord}).Prompt(t.Context(), 64, k)
	require.NoError(t, err)
	require.Equal(t, first, again)
	assert.Equal(t, "e386b9fb56cc2033", first.ID, first.Text)
}

func TestCalibratedWithinOnePercent(t *testing.T) {
	for _, f := range fakes() {
		t.Run(f.name, func(t *testing.T) {
			small, large := ProbeText(1), ProbeText(16)
			line, err := Calibrate(Probe{small, f.rule(small)}, Probe{large, f.rule(large)})
			require.NoError(t, err)
			b := build(t, line)
			worst := 0.0
			for trial := range 20 {
				for _, n := range []int{512, 777, 1024, 2048, 16384 >> (trial % 3)} {
					p, err := b.Prompt(t.Context(), n, Key{Trial: trial})
					require.NoError(t, err)
					require.Equal(t, "calibrated", p.Source)
					require.InDelta(t, n, p.Tokens, 1)
					worst = max(worst, math.Abs(float64(f.rule(p.Text)-n))/float64(n))
				}
			}
			t.Logf("worst error %.3f %%", 100*worst)
			limit := 0.01
			if f.merges { // 512 probe words have 16 merges, plus or minus 4: no line knows better
				limit = 0.02
			}
			require.LessOrEqual(t, worst, limit)
		})
	}
}

func TestCalibrateRefusesCutPrompts(t *testing.T) {
	small, large := ProbeText(1), ProbeText(16)
	_, err := Calibrate(Probe{small, 40}, Probe{large, 64})
	require.ErrorContains(t, err, "it cuts prompts")
	_, err = Calibrate(Probe{small, 40}, Probe{small, 40})
	require.ErrorContains(t, err, "too close")
}

func BenchmarkPrompt131072(b *testing.B) {
	f := &fake{rule: template(byWord)}
	builder := build(b, f)
	f.calls = 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := builder.Prompt(b.Context(), 131072, Key{Trial: i}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(f.calls)/float64(b.N), "counts/op")
}
