package mockserver

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The formula worked by hand from the numbers of the profile, so that a slip in
// the code that both Predict and the server share is seen.
func TestPredictByHand(t *testing.T) {
	p := exact(t, "8b-on-16gb")
	near := func(want float64, got time.Duration) {
		t.Helper()
		assert.InDelta(t, want*0.016, got.Seconds(), 2e-9)
	}
	// 8192 + 64 tokens are 516 blocks, all in VRAM.
	b := p.Predict("baseline", 8192, 0, 64)
	near(0.5+(8192+8192.*8192/(2*76300))/1500, b.TTFT)
	near(0.001+(4.92e9+516*16*131072.)/272e9, b.TPOT)
	assert.Equal(t, b.TTFT+63*b.TPOT, b.Total)
	// 16384 + 64 tokens are 1028 blocks. VRAM has (8 GiB - 0.75e9 - 1.5e9 -
	// 4.92e9) / 2 MiB = 677 of them, so 351 lie in RAM, 347 of the prompt's.
	a := p.Predict("aidaptiv", 16384, 0, 64)
	const blk = 16 * 131072.
	near(0.5+1.03*((16384+16384.*16384/(2*76300))/1500+347*blk/12e9+347*blk/12e9), a.TTFT)
	near(1.03*(0.001+(4.92e9+677*blk)/272e9+351*blk/12e9), a.TPOT)
	// All but the last block cached: the lower tier is read, nothing written
	// but the one new block.
	c := p.Predict("aidaptiv", 16384, 16368, 64)
	near(0.5+1.03*((16+(16384.*16384-16368.*16368)/(2*76300))/1500+347*blk/12e9+1*blk/12e9), c.TTFT)
}

func TestPredictBoundary(t *testing.T) {
	p := profile(t, "8b-on-16gb")
	for ctx := 1024; ctx <= 131072; ctx *= 2 {
		assert.Equal(t, ctx >= 32768, p.Predict("baseline", ctx, 0, 64).OOM, ctx)
		assert.False(t, p.Predict("aidaptiv", ctx, 0, 64).OOM, ctx)
	}
	o := p.Predict("baseline", 32768, 0, 64)
	assert.Equal(t, int64(2052*16*131072), o.Need)
	assert.Greater(t, o.Need, o.Capacity)
	assert.Zero(t, o.TTFT)
	f := profile(t, "fast") // 10 MB of KV, 1000 B a token, blocks of 16: 10000 tokens
	assert.False(t, f.Predict("baseline", 10000-16, 0, 16).OOM)
	assert.True(t, f.Predict("baseline", 10000-16, 0, 17).OOM)
	assert.Panics(t, func() { f.Predict("other", 1, 0, 1) })
}

// The promise of the demo: A/B with 7 requests a cell in less than a minute.
func TestDemoFitsIntoAMinute(t *testing.T) {
	p := profile(t, "8b-on-16gb")
	var sum time.Duration
	for _, stage := range []string{"baseline", "aidaptiv"} {
		for ctx := 1024; ctx <= 131072; ctx *= 2 {
			sum += 7 * p.Predict(stage, ctx, 0, 32).Total
		}
	}
	assert.Less(t, sum, 50*time.Second)
	b, a := p.Predict("baseline", 8192, 0, 64), p.Predict("aidaptiv", 8192, 0, 64)
	assert.InDelta(t, 100, float64(b.TTFT.Milliseconds()), 20)
	assert.InDelta(t, 1.03, float64(a.TTFT)/float64(b.TTFT), 0.01, "a few percent of overhead below the spill")
	b, a = p.Predict("baseline", 16384, 0, 64), p.Predict("aidaptiv", 16384, 0, 64)
	assert.Greater(t, float64(a.TPOT)/float64(b.TPOT), 2., "visibly slower where KV lies below VRAM")
}

// Every cell of the demo, streamed over HTTP on a fake clock: the first token
// comes when the formula says, to the nanosecond, and each one after it too.
func TestServerAgreesWithFormula(t *testing.T) {
	for _, name := range Profiles() {
		for _, stage := range []string{"baseline", "aidaptiv"} {
			t.Run(name+"/"+stage, func(t *testing.T) {
				p := exact(t, name)
				inBubble(t, p, Options{Stage: stage}, func(t *testing.T, c *http.Client, _ *Server) {
					for ctx := 1024; ctx <= 131072; ctx *= 2 {
						want := p.Predict(stage, ctx, 0, 5)
						x := post(t, c, "/v1/completions", completion(ctx, 5, fmt.Sprint("u", ctx)))
						if want.OOM {
							assert.Equal(t, 500, x.status)
							assert.Contains(t, x.body(), "CUDA out of memory. Tried to allocate")
							continue
						}
						require.Equal(t, 200, x.status, x.body())
						at := x.arrivals()
						for i := range 5 {
							assert.Equal(t, want.TTFT+time.Duration(i)*want.TPOT, at[i], "ctx %d token %d", ctx, i)
						}
						e := x.events(t)
						assert.EqualValues(t, ctx, e[len(e)-1]["usage"].(object)["prompt_tokens"])
					}
				})
			})
		}
	}
}

func TestNoiseKeepsTheMedian(t *testing.T) {
	p := profile(t, "8b-on-16gb")
	inBubble(t, p, Options{Seed: 7}, func(t *testing.T, c *http.Client, _ *Server) {
		var got []time.Duration
		for i := range 41 {
			x := post(t, c, "/v1/completions", completion(8192, 1, fmt.Sprint("u", i)))
			got = append(got, x.arrivals()[0])
		}
		sort.Slice(got, func(i, j int) bool { return got[i] < got[j] })
		want := p.Predict("baseline", 8192, 0, 1).TTFT
		assert.InEpsilon(t, float64(want), float64(got[20]), 0.01)
		assert.Greater(t, got[40]-got[0], want/100, "there is a spread at all")
	})
}

// The same prompt again is found in the cache and takes what the formula says.
func TestPrefixCacheOverHTTP(t *testing.T) {
	p := exact(t, "8b-on-16gb")
	inBubble(t, p, Options{Stage: "aidaptiv"}, func(t *testing.T, c *http.Client, _ *Server) {
		cold := post(t, c, "/v1/completions", completion(16384, 3, "same"))
		warm := post(t, c, "/v1/completions", completion(16384, 3, "same"))
		cachedOf := func(x exchange) any {
			e := x.events(t)
			return e[len(e)-1]["usage"].(object)["prompt_tokens_details"].(object)["cached_tokens"]
		}
		assert.EqualValues(t, 0, cachedOf(cold))
		assert.EqualValues(t, 16368, cachedOf(warm), "all but the block of the last token")
		assert.Equal(t, p.Predict("aidaptiv", 16384, 16368, 3).TTFT, warm.arrivals()[0])
	})
}

// Prefills queue, decoders share each step.
func TestConcurrency(t *testing.T) {
	p := exact(t, "fast")
	p.RequestOverheadS = 0
	inBubble(t, p, Options{}, func(t *testing.T, c *http.Client, _ *Server) {
		var wg sync.WaitGroup
		x := make([]exchange, 3)
		for i := range x {
			wg.Go(func() { x[i] = post(t, c, "/v1/completions", completion(2000, 50, fmt.Sprint("u", i))) })
		}
		wg.Wait()
		first := []time.Duration{x[0].arrivals()[0], x[1].arrivals()[0], x[2].arrivals()[0]}
		sort.Slice(first, func(i, j int) bool { return first[i] < first[j] })
		one := p.Predict("baseline", 2000, 0, 50)
		assert.Equal(t, []time.Duration{one.TTFT, 2 * one.TTFT, 3 * one.TTFT}, first)
		// 129 blocks each; a step with all three reads the KV of all three.
		all := time.Duration((0.0001 + (1e6+3*129*16000)/1e12) * 1e9)
		at := x[0].arrivals()
		assert.InDelta(t, float64(all), float64(at[30]-at[29]), 1)
	})
}

// Who does not fit beside others waits, or fails where the profile says so.
func TestAdmission(t *testing.T) {
	for _, admission := range []string{"queue", "fail"} {
		t.Run(admission, func(t *testing.T) {
			p := exact(t, "fast") // room for 10000 tokens
			p.Admission = admission
			inBubble(t, p, Options{}, func(t *testing.T, c *http.Client, s *Server) {
				var wg sync.WaitGroup
				var a, b exchange
				wg.Go(func() { a = post(t, c, "/v1/completions", completion(6000, 20, "a")) })
				wg.Go(func() {
					time.Sleep(time.Millisecond)
					b = post(t, c, "/v1/completions", completion(6000, 20, "b"))
				})
				time.Sleep(1500 * time.Microsecond)
				u := s.memory.usage()
				wg.Wait()
				assert.Equal(t, 200, a.status)
				if admission == "fail" {
					assert.Equal(t, 500, b.status)
					assert.Contains(t, b.body(), "out of memory")
					return
				}
				assert.Equal(t, 1, u.waiting)
				assert.Equal(t, 200, b.status)
				done := a.lines[len(a.lines)-1].at
				assert.Equal(t, done-time.Millisecond+p.Predict("baseline", 6000, 0, 20).TTFT, b.arrivals()[0])
			})
		})
	}
}

// A client that leaves while waiting or in prefill gives its place free.
func TestClientLeaves(t *testing.T) {
	p := exact(t, "8b-on-16gb")
	inBubble(t, p, Options{}, func(t *testing.T, c *http.Client, s *Server) {
		impatient := &http.Client{Transport: c.Transport, Timeout: 10 * time.Millisecond}
		x := post(t, impatient, "/v1/completions", completion(8192, 5, "gone"))
		require.Error(t, x.err)
		time.Sleep(time.Millisecond)
		assert.Zero(t, s.memory.usage().running)
		y := post(t, c, "/v1/completions", completion(8192, 5, "next"))
		assert.Equal(t, p.Predict("baseline", 8192, 0, 5).TTFT, y.arrivals()[0])
		e := y.events(t)
		assert.EqualValues(t, 0, e[len(e)-1]["usage"].(object)["prompt_tokens_details"].(object)["cached_tokens"])
	})
}

func TestAnswersAreTheSameInBothStages(t *testing.T) {
	body := object{"prompt": promptOf(100, "x"), "max_tokens": 30}
	var got []string
	for _, stage := range []string{"baseline", "aidaptiv"} {
		inBubble(t, exact(t, "fast"), Options{Stage: stage}, func(t *testing.T, c *http.Client, _ *Server) {
			e := post(t, c, "/v1/completions", body).events(t)
			got = append(got, e[0]["choices"].([]any)[0].(object)["text"].(string))
		})
	}
	assert.Equal(t, got[0], got[1])
	assert.Equal(t, 30, CountTokens(got[0]))
	assert.NotContains(t, strings.Fields(got[0])[0], " ")
}
