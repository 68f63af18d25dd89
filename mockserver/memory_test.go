package mockserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tiny has 4 blocks of VRAM, 3 of RAM and 2 of SSD.
func tiny(stage ...string) (*memory, Profile) {
	p := Profile{KVBytesPerToken: 1, PrefixCache: true, Admission: "queue",
		Tiers:  []Tier{{Name: "vram", Bytes: 64}, {Name: "ram", Bytes: 48}, {Name: "ssd", Bytes: 32, Backing: "file"}},
		Stages: map[string]Stage{"baseline": {Tiers: []string{"vram"}}, "aidaptiv": {Tiers: []string{"vram", "ram", "ssd"}}}}
	l, err := p.layout(append(stage, "aidaptiv")[0])
	if err != nil {
		panic(err)
	}
	return newMemory(l, p), p
}

// prompt of so many full blocks and one token more.
func prompt(name string, blocks int) *sequence {
	q := completionSequence(name+strings.Repeat(" w", blocks*BlockTokens-1), true)
	return &q
}

func ask1(t *testing.T, m *memory, q *sequence) *lease {
	t.Helper()
	l, err := m.acquire(context.Background(), q, 1)
	require.NoError(t, err)
	return l
}

// once runs a prompt to its end.
func once(t *testing.T, m *memory, q *sequence) *lease {
	t.Helper()
	l := ask1(t, m, q)
	l.computed()
	l.release()
	return l
}

func TestMemoryFillsFromTheFastestTier(t *testing.T) {
	m, _ := tiny()
	l := ask1(t, m, prompt("a", 5)) // 81 tokens and 1: 6 blocks
	assert.Equal(t, []int{4, 2, 0}, l.traffic.held)
	assert.Equal(t, []int{4, 2, 0}, l.traffic.made)
	l.release()
	assert.Equal(t, []int{0, 0, 0}, m.usage().used, "not computed, not kept")
}

// What memory does with one prompt is what the formula assumes.
func TestMemoryAgreesWithFill(t *testing.T) {
	for blocks := 1; blocks <= 8; blocks++ {
		m, _ := tiny()
		q := prompt("a", blocks)
		cold := once(t, m, q)
		assert.Equal(t, m.layout.fill(blocksFor(q.tokens), 0, blocksFor(q.tokens+1)), cold.traffic, "%d blocks", blocks)
		warm := once(t, m, q)
		assert.Equal(t, blocks*BlockTokens, warm.cached)
		assert.Equal(t, m.layout.fill(blocksFor(q.tokens), blocks, blocksFor(q.tokens+1)), warm.traffic, "%d blocks again", blocks)
	}
}

func TestMemoryEvictsLeastRecentlyUsedDownwards(t *testing.T) {
	m, _ := tiny()
	once(t, m, prompt("a", 2))
	once(t, m, prompt("b", 2))
	assert.Equal(t, []int{3, 1, 0}, m.usage().used, "b's third block, now gone, pushed the end of a down")
	c := once(t, m, prompt("c", 2)) // 3 blocks: pushes a's 2 and one of b's down
	assert.Equal(t, []int{3, 0, 0}, c.traffic.held)
	assert.Equal(t, []int{3, 3, 0}, m.usage().used, "the block of the last token is not kept")
	a := once(t, m, prompt("a", 2))
	assert.Equal(t, 32, a.cached, "found in RAM")
	assert.Equal(t, []int{0, 2, 0}, a.traffic.hits)
	assert.Equal(t, []int{3, 0, 0}, a.traffic.held, "and brought up")
}

func TestBaselineDropsWhatItEvicts(t *testing.T) {
	m, _ := tiny("baseline")
	once(t, m, prompt("a", 2))
	once(t, m, prompt("b", 3)) // 4 blocks: all of VRAM
	assert.Zero(t, once(t, m, prompt("a", 2)).cached)
}

// The start of a prompt outlives its end: other prompts share it.
func TestEvictionStartsAtTheEndOfAPrompt(t *testing.T) {
	m, _ := tiny("baseline")
	once(t, m, prompt("a", 3))
	once(t, m, prompt("b", 1)) // 2 blocks: one free, one evicted
	assert.Equal(t, 32, once(t, m, prompt("a", 3)).cached)
}

func TestOutOfMemoryBoundary(t *testing.T) {
	m, _ := tiny()
	for _, c := range []struct {
		tokens, output int
		oom            bool
	}{{143, 1, false}, {144, 1, true}, {1, 143, false}, {1, 144, true}} {
		q := &sequence{tokens: c.tokens}
		l, err := m.acquire(context.Background(), q, c.output)
		if c.oom {
			assert.ErrorIs(t, err, errOutOfMemory)
			continue
		}
		require.NoError(t, err)
		l.release()
	}
}

func TestRunningBlocksAreNotEvicted(t *testing.T) {
	m, _ := tiny("baseline")
	m.fail = true
	l := ask1(t, m, prompt("a", 1)) // 2 blocks held
	_, err := m.acquire(context.Background(), prompt("b", 2), 1)
	assert.ErrorIs(t, err, errOutOfMemory)
	k := ask1(t, m, prompt("c", 1))
	l.release()
	k.release()
}

func TestSharedPrefixIsHeldOnce(t *testing.T) {
	m, _ := tiny("baseline")
	once(t, m, prompt("a", 2))
	one, two := ask1(t, m, prompt("a", 2)), ask1(t, m, prompt("a", 2))
	assert.Equal(t, 4, m.usage().pinned, "2 shared and one each")
	one.release()
	assert.Equal(t, 3, m.usage().pinned)
	two.release()
	assert.Zero(t, m.usage().pinned)
}

func TestWaitersAreServedInOrder(t *testing.T) {
	m, _ := tiny("baseline")
	l := ask1(t, m, prompt("a", 3)) // everything
	got := make(chan string)
	for i, name := range []string{"b", "c"} {
		go func() {
			q := ask1(t, m, prompt(name, 3))
			got <- name
			q.release()
		}()
		for m.usage().waiting != i+1 {
			runtime.Gosched()
		}
	}
	l.release()
	assert.Equal(t, "b", <-got)
	assert.Equal(t, "c", <-got)
}

// When the head of the line goes away, the one behind it may fit at once.
func TestALeavingWaiterLetsOthersThrough(t *testing.T) {
	m, _ := tiny("baseline")
	held := ask1(t, m, prompt("a", 1)) // 2 of 4 blocks
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := m.acquire(ctx, prompt("big", 3), 1)
		gone <- err
	}()
	for m.usage().waiting != 1 {
		runtime.Gosched()
	}
	small := make(chan *lease)
	go func() { small <- ask1(t, m, prompt("s", 1)) }()
	for m.usage().waiting != 2 {
		runtime.Gosched()
	}
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	(<-small).release()
	held.release()
	assert.Zero(t, m.usage().pinned)
}

func TestFileTierMovesAreNoted(t *testing.T) {
	m, _ := tiny()
	l := ask1(t, m, prompt("a", 8)) // 9 blocks: two in the SSD tier
	assert.Equal(t, []move{{tier: 2, slot: 0, write: true}, {tier: 2, slot: 1, write: true}}, l.moves)
	l.computed()
	l.release()
	again := ask1(t, m, prompt("a", 8))
	again.release()
	assert.Contains(t, again.moves, move{tier: 2, slot: 0}, "the found block is read")
	assert.Equal(t, move{tier: 2, slot: 1, write: true}, again.moves[len(again.moves)-1], "that of the last token is new")
}

// Whatever is asked in whatever order, the books balance.
func TestMemoryInvariants(t *testing.T) {
	m, _ := tiny()
	rng := rand.New(rand.NewPCG(1, 2))
	var running []*lease
	m.fail = true
	for range 3000 {
		if len(running) > 0 && rng.IntN(2) == 0 {
			i := rng.IntN(len(running))
			if rng.IntN(4) > 0 {
				running[i].computed()
			}
			running[i].release()
			running = append(running[:i], running[i+1:]...)
		} else if l, err := m.acquire(context.Background(), prompt(fmt.Sprint(rng.IntN(4)), 1+rng.IntN(5)), rng.IntN(20)); err == nil {
			running = append(running, l)
		}
		idle := 0
		for i := range m.used {
			require.LessOrEqual(t, m.used[i], m.layout.blocks[i])
			idle += m.lru[i].Len()
		}
		require.Equal(t, m.used[0]+m.used[1]+m.used[2], m.pinned+idle)
		for h, b := range m.index {
			require.Equal(t, h, b.hash)
		}
	}
	for _, l := range running {
		l.release()
	}
	require.Zero(t, m.pinned)
	require.Equal(t, len(m.index), m.lru[0].Len()+m.lru[1].Len()+m.lru[2].Len())
}
