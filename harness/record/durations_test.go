package record

import (
	"math/rand/v2"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/assert"
)

func TestDurations(t *testing.T) {
	ns := func(v int64) Opt[int64] { return Some(v) }
	none := Opt[int64]{}
	type want struct {
		ttft, sched, ttfa, e2e, queue Opt[int64]
		tpot                          Opt[float64]
	}
	for name, c := range map[string]struct {
		r    Request
		want want
	}{
		"all": {
			Request{Intended: ns(10), Start: ns(30), First: ns(100), Answer: ns(150), Last: ns(400), CompletionTokens: Some(4)},
			want{ns(70), ns(90), ns(120), ns(370), ns(20), Some(100.0)},
		},
		"a fraction": {
			Request{Start: ns(1), First: ns(2), Last: ns(3), CompletionTokens: Some(3)},
			want{ttft: ns(1), e2e: ns(2), tpot: Some(0.5)},
		},
		"nothing": {},
		"no answer, only reasoning": {
			Request{Start: ns(30), First: ns(100), Last: ns(400)},
			want{ttft: ns(70), e2e: ns(370)},
		},
		"zero instants": {
			Request{Intended: ns(0), Start: ns(0), First: ns(100), Last: ns(200), CompletionTokens: Some(2)},
			want{tpot: Some(100.0)},
		},
		"first is zero": {
			Request{Intended: ns(5), Start: ns(5), First: ns(0), Answer: ns(0), Last: ns(0)},
			want{queue: ns(0)},
		},
		"negative instants": {
			Request{Intended: ns(-9), Start: ns(-5), First: ns(10)},
			want{},
		},
		"out of order": {
			Request{Intended: ns(50), Start: ns(30), First: ns(20), Answer: ns(20), Last: ns(10), CompletionTokens: Some(5)},
			want{},
		},
		"no time at all": {
			Request{Intended: ns(30), Start: ns(30), First: ns(30), Answer: ns(30), Last: ns(30), CompletionTokens: Some(5)},
			want{queue: ns(0)},
		},
		"one token": {
			Request{Start: ns(10), First: ns(20), Last: ns(30), CompletionTokens: Some(1)},
			want{ttft: ns(10), e2e: ns(20)},
		},
		"one piece": {
			Request{Start: ns(10), First: ns(20), Last: ns(20), CompletionTokens: Some(9)},
			want{ttft: ns(10), e2e: ns(10)},
		},
	} {
		r := c.r
		got := want{r.TTFT(), r.TTFTSched(), r.TTFA(), r.E2E(), r.Queue(), r.TPOT()}
		assert.Equal(t, c.want, got, name)
	}
	assert.Equal(t, none, (&Request{First: ns(1)}).TTFT())
}

func TestGaps(t *testing.T) {
	for _, c := range []struct {
		kind   string
		arrive []int64
		want   []int64
	}{
		{"", nil, nil},
		{"e", []int64{5}, nil},
		{"t", []int64{5}, nil},
		{"etttfu", []int64{5, 10, 30, 60, 61, 62}, []int64{20, 30}},
		{"rretc", []int64{5, 10, 11, 12, 20}, []int64{5, 2, 8}},
		{"tt", []int64{7, 7}, []int64{0}}, // one TCP segment: a value
		{"ttt", []int64{7, 5, 9}, []int64{4}},
		{"ttt", []int64{7, 9}, []int64{2}}, // columns of unequal length, of no journal
	} {
		r := Request{Events: Events{Kind: c.kind, Arrive: c.arrive}}
		assert.Equal(t, c.want, r.Gaps(), "%s %v", c.kind, c.arrive)
	}
}

// TestGapsAddUp: over events in order the gaps add up to last - first.
func TestGapsAddUp(t *testing.T) {
	add := func(seed uint64, n uint8) bool {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := Request{}
		at, first, last := int64(0), int64(-1), int64(-1)
		for range n {
			at += rng.Int64N(3)
			kind := "trceuf"[rng.IntN(6)]
			r.Events.Arrive = append(r.Events.Arrive, at)
			r.Events.Kind += string(kind)
			if kind == 't' || kind == 'r' || kind == 'c' {
				if first < 0 {
					first = at
				}
				last = at
			}
		}
		sum := int64(0)
		for _, g := range r.Gaps() {
			sum += g
		}
		return sum == last-first
	}
	assert.NoError(t, quick.Check(add, nil))
}
