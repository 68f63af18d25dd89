package mockserver

import (
	"fmt"
	"math"
	"time"
)

// BlockTokens is the size of a block of the KV cache, in tokens: the unit of
// allocation, of reuse and of offload.
const BlockTokens = 16

// Prediction is what the formula says about one request that has the server to
// itself. Durations are wall time (TimeScale applied), without noise.
type Prediction struct {
	TTFT     time.Duration // request received to first token
	TPOT     time.Duration // between tokens
	Total    time.Duration // request received to last token
	OOM      bool          // the KV cache does not fit: no times are given
	Need     int64         // B of KV cache that the request takes
	Capacity int64         // B of KV cache that the stage has
	Tiers    []TierUse     // where weights and KV cache lie, fastest first
}

// TierUse is the part of one tier that a request uses.
type TierUse struct {
	Name    string
	Weights int64 // B, with what the runtime takes
	KV      int64 // B of this request
}

// layout is a stage of a profile made ready for arithmetic.
type layout struct {
	tiers    []Tier
	weights  []int64 // B of weights in each tier, without runtime and reserve
	blocks   []int   // KV blocks that fit beside them
	block    int64   // B of a block
	slowdown float64
}

// layout puts the weights into the fastest tiers and counts the KV blocks that
// remain. The runtime and the reserve of the stage must fit into the first tier.
func (p *Profile) layout(stage string) (layout, error) {
	s, ok := p.Stages[stage]
	if !ok {
		return layout{}, fmt.Errorf("unknown stage %q (have baseline, aidaptiv)", stage)
	}
	l := layout{block: int64(p.KVBytesPerToken) * BlockTokens, slowdown: s.Slowdown}
	left := int64(p.WeightsBytes)
	for i, name := range s.Tiers {
		for _, t := range p.Tiers {
			if t.Name != name {
				continue
			}
			free := int64(t.Bytes)
			if i == 0 {
				free -= int64(p.RuntimeBytes + s.ReservedBytes)
				if free < 0 {
					return layout{}, fmt.Errorf("tier %s: runtime and reserve do not fit", name)
				}
			}
			w := min(left, free)
			left -= w
			l.tiers = append(l.tiers, t)
			l.weights = append(l.weights, w)
			l.blocks = append(l.blocks, int((free-w)/l.block))
		}
	}
	if left > 0 {
		return layout{}, fmt.Errorf("the weights do not fit: %d bytes too many", left)
	}
	return l, nil
}

func (l layout) capacity() (blocks int) {
	for _, b := range l.blocks {
		blocks += b
	}
	return blocks
}

// traffic is what a request does to the tiers, in blocks per tier.
type traffic struct {
	made []int // blocks of the prompt computed now, by the tier they were put in
	hits []int // blocks of the prompt found in the cache, by the tier they were found in
	held []int // all blocks of the request, the answer's too, by the tier they lie in
}

// Predict computes TTFT and TPOT of one request alone on the server, in the
// given stage ("baseline" or "aidaptiv"). With w the weights and n the prompt:
//
//	prefill(c, n) = ((n - c) + (n² - c²) / (2 a)) / r
//
// r is prefill_tokens_per_s, a is attention_equal_tokens, c the cached tokens.
// KV cache is taken in blocks of 16 tokens, for prompt and answer together, and
// fills the tiers of the stage from the fastest on, after the weights. The first
// tier is where computing happens; what lies below it has to move:
//
//	TTFT = overhead + (1 + slowdown) × (prefill
//	     + Σ below first tier: (weights + prompt's KV) / read
//	                         + newly computed KV / write)
//	TPOT = (1 + slowdown) × (token_overhead
//	     + Σ all tiers: (weights + KV of prompt and answer) / read)
//
// both times time_scale. Cached blocks are assumed to lie where the same prompt,
// asked just before, left them. The KV of the whole request is read for each
// token from the first on, which keeps the cadence constant.
//
// Several requests at once: prefills follow each other in the order of arrival;
// decoding requests share each step, so that a step reads the weights once and
// the KV of all of them; KV memory is shared, and who does not fit waits
// (admission: queue) or is out of memory (admission: fail).
//
// An unknown stage panics: it is a mistake in the caller, not in the data.
func (p Profile) Predict(stage string, promptTokens, cachedTokens, outputTokens int) Prediction {
	l, err := p.layout(stage)
	if err != nil {
		panic("mockserver: Predict: " + err.Error())
	}
	total := blocksFor(promptTokens + outputTokens)
	pr := Prediction{Need: int64(total) * l.block, Capacity: int64(l.capacity()) * l.block}
	if total > l.capacity() {
		pr.OOM = true
		return pr
	}
	t := l.fill(blocksFor(promptTokens), cachedTokens/BlockTokens, total)
	for i, tier := range l.tiers {
		pr.Tiers = append(pr.Tiers, TierUse{Name: tier.Name, Weights: l.weights[i], KV: int64(t.held[i]) * l.block})
	}
	pr.TTFT = p.wall(p.RequestOverheadS + p.prefillSeconds(l, promptTokens, cachedTokens, t))
	pr.TPOT = p.wall(p.stepSeconds(l, p.kvSeconds(l, t)))
	pr.Total = pr.TTFT + time.Duration(max(0, outputTokens-1))*pr.TPOT
	return pr
}

func blocksFor(tokens int) int { return (tokens + BlockTokens - 1) / BlockTokens }

// fill places blocks from the fastest tier on: first the prompt's (the first
// hits of them found in the cache), then the answer's.
func (l layout) fill(prompt, hits, total int) traffic {
	n := len(l.tiers)
	t := traffic{made: make([]int, n), hits: make([]int, n), held: make([]int, n)}
	at := 0
	for i, room := range l.blocks {
		k := min(room, total-at)
		t.held[i] = k
		t.hits[i] = max(0, min(at+k, hits)-at)
		t.made[i] = max(0, min(at+k, prompt)-max(at, hits))
		at += k
	}
	return t
}

// prefillSeconds is the modelled time from the end of the overhead to the first
// token.
func (p *Profile) prefillSeconds(l layout, prompt, cached int, t traffic) float64 {
	n, c := float64(prompt), float64(cached)
	s := 0.0
	if p.PrefillTokensPerS > 0 {
		work := n - c
		if p.AttentionEqualTokens > 0 {
			work += (n*n - c*c) / (2 * p.AttentionEqualTokens)
		}
		s = work / p.PrefillTokensPerS
	}
	for i := 1; i < len(l.tiers); i++ {
		made, hits := int64(t.made[i])*l.block, int64(t.hits[i])*l.block
		s += over(l.weights[i]+made+hits, l.tiers[i].ReadBytesPerS)
		s += over(made, l.tiers[i].WriteBytesPerS)
	}
	return s * (1 + l.slowdown)
}

// kvSeconds is the modelled time to read a request's KV cache once.
func (p *Profile) kvSeconds(l layout, t traffic) (s float64) {
	for i, tier := range l.tiers {
		s += over(int64(t.held[i])*l.block, tier.ReadBytesPerS)
	}
	return s
}

// stepSeconds is the modelled time of one decode step of a batch whose KV cache
// takes kv seconds to read.
func (p *Profile) stepSeconds(l layout, kv float64) float64 {
	s := p.TokenOverheadS + kv
	for i, tier := range l.tiers {
		s += over(l.weights[i], tier.ReadBytesPerS)
	}
	return s * (1 + l.slowdown)
}

func over(bytes int64, perSecond float64) float64 {
	if perSecond == 0 {
		return 0
	}
	return float64(bytes) / perSecond
}

func (p *Profile) wall(modelledSeconds float64) time.Duration {
	return time.Duration(math.Round(modelledSeconds * p.TimeScale * float64(time.Second)))
}
