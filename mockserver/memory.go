package mockserver

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// errOutOfMemory: the request does not fit, and waiting would not help.
var errOutOfMemory = errors.New("out of memory")

// block is one block of KV cache. It is held by refs running requests, or, with
// refs 0, it lies in the LRU list of its tier waiting to be found or evicted.
type block struct {
	hash uint64 // 0: not findable
	tier int
	refs int
	lru  *list.Element
	slot int // place in the tier's file under pressure
}

// move is a block that went to a tier or was read from it, for the pressure
// side to make real.
type move struct {
	tier, slot int
	write      bool
}

// memory is the KV cache of a server: blocks in tiers, LRU within each, evicted
// downwards and at last dropped.
//
// Invariants: used[i] counts the blocks in tier i, at most layout.blocks[i];
// pinned is the number of blocks with refs > 0; index has every findable block.
type memory struct {
	layout  layout
	maxSeqs int
	cache   bool // keep blocks of finished prompts
	fail    bool // admission: fail

	mu     sync.Mutex
	used   []int
	lru    []*list.List // front: most recently used
	slots  []slotList
	pinned int
	index  map[uint64]*block
	seqs   int
	queue  []*waiter
	moves  []move

	queries, hits int64 // tokens looked up and found
}

type waiter struct {
	prompt *sequence
	total  int
	ready  chan *lease
}

// lease is the memory of one running request.
type lease struct {
	memory  *memory
	prompt  *sequence
	cached  int // tokens found in the cache
	hits    int // blocks of prompt found in the cache; the first ones
	blocks  []*block
	traffic traffic
	moves   []move
	waited  bool // stood in line
}

func newMemory(l layout, p Profile) *memory {
	m := &memory{layout: l, maxSeqs: p.MaxSeqs, cache: p.PrefixCache, fail: p.Admission == "fail",
		used: make([]int, len(l.tiers)), index: map[uint64]*block{}, slots: make([]slotList, len(l.tiers))}
	for range l.tiers {
		m.lru = append(m.lru, list.New())
	}
	return m
}

// acquire takes memory for a prompt and its answer of up to output tokens,
// waiting in line where the profile says so.
func (m *memory) acquire(ctx context.Context, prompt *sequence, output int) (*lease, error) {
	total := blocksFor(prompt.tokens + output)
	m.mu.Lock()
	if total > m.layout.capacity() {
		m.mu.Unlock()
		return nil, errOutOfMemory
	}
	if len(m.queue) == 0 {
		if l := m.take(prompt, total); l != nil {
			m.mu.Unlock()
			return l, nil
		}
		if m.fail && (m.maxSeqs == 0 || m.seqs < m.maxSeqs) {
			m.mu.Unlock()
			return nil, errOutOfMemory
		}
	}
	w := &waiter{prompt: prompt, total: total, ready: make(chan *lease, 1)}
	m.queue = append(m.queue, w)
	m.mu.Unlock()
	select {
	case l := <-w.ready:
		return l, nil
	case <-ctx.Done():
		m.leave(w)
		return nil, ctx.Err()
	}
}

// leave takes a waiter out of the line, and gives back what it was given
// meanwhile.
func (m *memory) leave(w *waiter) {
	m.mu.Lock()
	for i, other := range m.queue {
		if other == w {
			m.queue = append(m.queue[:i:i], m.queue[i+1:]...)
			break
		}
	}
	m.serve() // the one behind may fit
	m.mu.Unlock()
	select {
	case l := <-w.ready:
		l.release()
	default:
	}
}

// serve gives memory to the head of the line as long as it fits. m.mu is held.
func (m *memory) serve() {
	for len(m.queue) > 0 {
		l := m.take(m.queue[0].prompt, m.queue[0].total)
		if l == nil {
			return
		}
		l.waited = true
		m.queue[0].ready <- l
		m.queue = m.queue[1:]
	}
}

// take reserves all blocks of a request or none. m.mu is held.
func (m *memory) take(prompt *sequence, total int) *lease {
	if m.maxSeqs > 0 && m.seqs >= m.maxSeqs {
		return nil
	}
	found := m.find(prompt)
	idle := 0
	for _, b := range found {
		if b.refs == 0 {
			idle++
		}
	}
	if m.pinned+idle+total-len(found) > m.layout.capacity() {
		return nil
	}
	m.seqs++
	m.queries += int64(prompt.tokens)
	m.hits += int64(len(found) * BlockTokens)
	n := len(m.layout.tiers)
	l := &lease{memory: m, prompt: prompt, hits: len(found), cached: len(found) * BlockTokens,
		traffic: traffic{made: make([]int, n), hits: make([]int, n), held: make([]int, n)}}
	m.pin(l, found)
	promptBlocks := blocksFor(prompt.tokens)
	for i := len(found); i < total; i++ {
		b := &block{refs: 1}
		m.pinned++
		m.put(b, 0)
		if i < promptBlocks {
			l.traffic.made[b.tier]++
		}
		l.blocks = append(l.blocks, b)
	}
	for _, b := range l.blocks {
		l.traffic.held[b.tier]++
	}
	l.moves, m.moves = m.moves, nil
	return l
}

// find returns the blocks of the longest cached prefix. The last token of a
// prompt is always computed: its output is the first token of the answer.
func (m *memory) find(prompt *sequence) (found []*block) {
	if !m.cache {
		return nil
	}
	for _, h := range prompt.blocks[:min(len(prompt.blocks), (prompt.tokens-1)/BlockTokens)] {
		b := m.index[h]
		if b == nil {
			break
		}
		found = append(found, b)
	}
	return found
}

// pin takes the found blocks out of the LRU lists, then brings those of lower
// tiers up as far as there is room.
func (m *memory) pin(l *lease, found []*block) {
	for _, b := range found {
		if b.refs == 0 {
			m.lru[b.tier].Remove(b.lru)
			b.lru = nil
			m.pinned++
		}
		b.refs++
		l.blocks = append(l.blocks, b)
		l.traffic.hits[b.tier]++
	}
	for _, b := range found {
		if b.tier == 0 {
			continue
		}
		m.note(b, false)
		if b.refs == 1 {
			m.remove(b)
			m.put(b, 0)
		}
	}
}

// put places a block into the fastest tier from first on that is not full of
// pinned blocks, pushing the least recently used block of it down.
func (m *memory) put(b *block, first int) {
	for t := first; t < len(m.used); t++ {
		if m.used[t] >= m.layout.blocks[t] {
			old := m.lru[t].Back()
			if old == nil {
				continue
			}
			m.evict(old.Value.(*block))
		}
		b.tier = t
		b.slot = m.slots[t].take()
		m.used[t]++
		m.note(b, true)
		return
	}
	panic("mockserver: no room for a block that was counted in")
}

// evict moves an idle block to a lower tier, or drops it where there is none.
func (m *memory) evict(b *block) {
	from := b.tier
	m.lru[from].Remove(b.lru)
	b.lru = nil
	m.remove(b)
	for t := from + 1; t < len(m.used); t++ {
		if m.used[t] < m.layout.blocks[t] || m.lru[t].Len() > 0 {
			m.put(b, t)
			b.lru = m.lru[b.tier].PushFront(b)
			return
		}
	}
	delete(m.index, b.hash)
}

func (m *memory) remove(b *block) {
	m.used[b.tier]--
	m.slots[b.tier].give(b.slot)
}

func (m *memory) note(b *block, write bool) {
	if m.layout.tiers[b.tier].Backing == "file" {
		m.moves = append(m.moves, move{b.tier, b.slot, write})
	}
}

// computed makes the blocks of the prompt findable: its prefill has ended.
func (l *lease) computed() {
	m := l.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.cache {
		return
	}
	for i := l.hits; i < len(l.prompt.blocks); i++ {
		h := l.prompt.blocks[i]
		if m.index[h] == nil {
			l.blocks[i].hash = h
			m.index[h] = l.blocks[i]
		}
	}
}

// release gives the memory back: findable blocks stay as cache, others go.
func (l *lease) release() {
	m := l.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	// From the end, so that the start of a prompt, which more prompts share,
	// is the last to be evicted.
	for i := len(l.blocks) - 1; i >= 0; i-- {
		b := l.blocks[i]
		if b.refs--; b.refs > 0 {
			continue
		}
		m.pinned--
		if b.hash == 0 {
			m.remove(b)
			continue
		}
		b.lru = m.lru[b.tier].PushFront(b)
	}
	l.blocks = nil
	m.seqs--
	m.serve()
}

// usage is a snapshot for /metrics.
type usage struct {
	running, waiting int
	pinned, capacity int
	used             []int
	queries, hits    int64
}

func (m *memory) usage() usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return usage{running: m.seqs, waiting: len(m.queue), pinned: m.pinned, capacity: m.layout.capacity(),
		used: append([]int(nil), m.used...), queries: m.queries, hits: m.hits}
}

// slotList hands out small integers, the lowest freed ones again.
type slotList struct {
	free []int
	next int
}

func (s *slotList) take() int {
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		return slot
	}
	s.next++
	return s.next - 1
}

func (s *slotList) give(slot int) { s.free = append(s.free, slot) }
