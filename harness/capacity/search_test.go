package capacity_test

import (
	"math/rand/v2"
	"testing"

	"aibench/harness/capacity"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func search(t testing.TB, p capacity.Plan) *capacity.Search {
	s, err := capacity.NewSearch(p)
	require.NoError(t, err)
	return s
}

// walk runs a search against a function and returns the loads it asked for.
func walk(s *capacity.Search, verdict func(x int) capacity.Verdict) []int {
	var asked []int
	for {
		x, done := s.Next()
		if done {
			return asked
		}
		asked = append(asked, x)
		s.Record(x, capacity.Decision{Verdict: verdict(x), Requests: 10})
	}
}

// upTo passes to ok, is undecided to open, and fails above.
func upTo(ok, open int) func(int) capacity.Verdict {
	return func(x int) capacity.Verdict {
		switch {
		case x <= ok:
			return capacity.Pass
		case x <= open:
			return capacity.Undecided
		}
		return capacity.Fail
	}
}

func TestSearchPaths(t *testing.T) {
	wide := capacity.Plan{Start: 4, Max: 100, Grain: 1, Width: 0.25, Confidence: 0.95}
	for _, c := range []struct {
		name                string
		plan                capacity.Plan
		ok, open            int
		asked               []int
		maxOK, notMet, fail int
	}{
		{"to one user", capacity.Users(64), 11, 11, []int{1, 2, 4, 8, 16, 12, 10, 11}, 11, 12, 12},
		{"to 5 %", capacity.Users(1024), 300, 300, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 384, 320, 288, 304, 296}, 296, 304, 304},
		{"none", capacity.Users(64), 0, 0, []int{1}, 0, 1, 1},
		{"all", capacity.Users(6), 6, 6, []int{1, 2, 4, 6}, 6, 0, 0},
		{"below the start", wide, 1, 1, []int{4, 2, 1}, 1, 2, 2},
		{"wide", wide, 20, 20, []int{4, 8, 16, 32, 24, 20}, 20, 24, 24},
		{"the last doubling ends at the maximum", wide, 70, 70, []int{4, 8, 16, 32, 64, 100, 82, 73}, 64, 73, 73},
		{"tokens", capacity.Contexts(8000), 5000, 5000, []int{1024, 2048, 4096, 7936, 5888, 4864, 5376, 5120}, 4864, 5120, 5120},
		// 16 is undecided: on to the first failure, then below it, then above.
		{"an undecided zone", capacity.Users(64), 12, 18, []int{1, 2, 4, 8, 16, 32, 12, 14, 13, 24, 20, 18, 19}, 12, 13, 19},
		{"undecided at the maximum", capacity.Users(16), 11, 99, []int{1, 2, 4, 8, 16, 12, 10, 11}, 11, 12, 0},
		{"nothing but undecided", capacity.Users(4), 0, 99, []int{1, 2, 4}, 0, 1, 0},
	} {
		s := search(t, c.plan)
		assert.Equal(t, c.asked, walk(s, upTo(c.ok, c.open)), c.name)
		r := s.Result()
		assert.True(t, r.Complete)
		assert.Equal(t, []int{c.maxOK, c.notMet, c.fail}, []int{r.MaxOK.Or(0), r.NotMet.Or(0), r.MinFail.Or(0)}, c.name)
		assert.InDelta(t, 0.95, r.Confidence, 1e-12)
		assert.Equal(t, 10*len(c.asked), r.Requests)
	}
}

func TestSearchWarns(t *testing.T) {
	warnings := func(most, ok, open int) []string {
		s := search(t, capacity.Users(most))
		walk(s, upTo(ok, open))
		return s.Result().Warnings
	}
	assert.Empty(t, warnings(64, 11, 11))
	assert.Equal(t, []string{"nothing up to the maximum of 8 was shown to fail: raise the maximum to find the end"}, warnings(8, 8, 8))
	assert.Equal(t, []string{"not even 1 was shown to meet the objectives"}, warnings(8, 0, 0))
	assert.Equal(t, []string{"4 is undecided after 10 requests and counts as not met: allow more requests a step"}, warnings(8, 3, 4))
	s := search(t, capacity.Users(8))
	assert.Contains(t, s.Result().Warnings[0], "has not come to its end")
	s.Record(1, capacity.Decision{Verdict: capacity.Pass, Warnings: []string{"shares vary"}})
	assert.Contains(t, s.Result().Warnings, "at 1: shares vary")
	assert.False(t, s.Result().Complete)
}

// A load that passes above one that fails is reported and not believed.
func TestSearchReportsDisorder(t *testing.T) {
	s := search(t, capacity.Users(64))
	for x, v := range map[int]capacity.Verdict{8: capacity.Pass, 9: capacity.Fail, 32: capacity.Pass, 33: capacity.Fail} {
		s.Record(x, capacity.Decision{Verdict: v})
	}
	r := s.Result()
	assert.Equal(t, []int{8, 9}, []int{r.MaxOK.Or(0), r.MinFail.Or(0)})
	assert.Equal(t, []string{"not monotone: 32 passes although 9 fails: the bracket holds below 9 only"}, r.Warnings)

	s = search(t, capacity.Users(64))
	s.Record(8, capacity.Decision{Verdict: capacity.Pass})
	s.Record(8, capacity.Decision{Verdict: capacity.Fail})
	assert.Contains(t, s.Result().Warnings, "8 passed and failed: it counts as failed; repeat the search")
	assert.False(t, s.Result().MaxOK.Has())

	s = search(t, capacity.Users(64)) // a passing load inside what doubling left undecided
	walk(s, func(x int) capacity.Verdict {
		return map[bool]capacity.Verdict{true: capacity.Undecided, false: upTo(20, 20)(x)}[x == 16]
	})
	r = s.Result()
	assert.Equal(t, []int{20, 21}, []int{r.MaxOK.Or(0), r.MinFail.Or(0)})
	assert.Equal(t, []string{"20 passes although 16 is undecided: that one is taken to be met"}, r.Warnings)
}

// A search that was broken off goes on where it was.
func TestSearchResumes(t *testing.T) {
	whole := search(t, capacity.Users(500))
	asked := walk(whole, upTo(77, 80))
	for cut := range asked {
		s := search(t, capacity.Users(500))
		for _, m := range whole.Result().Steps[:cut] {
			s.Record(m.X, m.Decision)
		}
		require.Equal(t, asked[cut:], walk(s, upTo(77, 80)))
		require.Equal(t, whole.Result(), s.Result())
	}
}

func TestSearchConfidence(t *testing.T) {
	s := search(t, capacity.Users(1024))
	assert.InDelta(t, 0.05, s.StepError()*float64(s.MaxSteps()), 1e-15)
	x, _ := s.Next()
	s.Record(x, capacity.Decision{Verdict: capacity.Fail, Error: s.StepError()})
	assert.InDelta(t, 0.95, s.Result().Confidence, 1e-12, "of what was planned, not of what it took")

	loose := search(t, capacity.Users(1024))
	walk(loose, upTo(7, 7))
	n := len(loose.Result().Steps)
	loose = search(t, capacity.Users(1024))
	for _, m := range range7(n) {
		loose.Record(m, capacity.Decision{Verdict: capacity.Pass, Error: 0.05})
	}
	assert.InDelta(t, 1-0.05*float64(n), loose.Result().Confidence, 1e-12, "steps decided more loosely than planned")
}

func range7(n int) []int {
	xs := make([]int, n)
	for i := range xs {
		xs[i] = i + 1
	}
	return xs
}

func TestPlanRefuses(t *testing.T) {
	good := capacity.Users(64)
	for name, change := range map[string]func(*capacity.Plan){
		"grain": func(p *capacity.Plan) { p.Grain = 0 }, "start": func(p *capacity.Plan) { p.Start = 0 },
		"start of grain": func(p *capacity.Plan) { p.Grain = 4; p.Start = 6 }, "max": func(p *capacity.Plan) { p.Max = 0 },
		"max of grain": func(p *capacity.Plan) { p.Grain, p.Start, p.Max = 4, 4, 66 }, "huge": func(p *capacity.Plan) { p.Max = 1 << 41 },
		"width": func(p *capacity.Plan) { p.Width = 0 }, "confidence": func(p *capacity.Plan) { p.Confidence = 1 },
	} {
		p := good
		change(&p)
		_, err := capacity.NewSearch(p)
		assert.Error(t, err, name)
	}
	_, err := capacity.NewSearch(capacity.Contexts(100))
	assert.Error(t, err)
	assert.Equal(t, 512, search(t, capacity.Contexts(700)).Result().NotMet.Or(512), "a small maximum is its own start")
}

// Whatever a server answers, a search ends within MaxSteps, never asks twice, and
// leaves a bracket of the width that was asked for on each side of what is undecided.
func FuzzSearch(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, uint16(seed*97%1500), uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, most uint16, shape uint8) {
		r := rand.New(rand.NewPCG(seed, uint64(shape)))
		grain := 1 + int(shape%3)*255
		start := grain * (1 + int(shape/3)%7)
		p := capacity.Plan{Start: start, Max: start + int(most)*grain, Grain: grain, Width: []float64{0.001, 0.05, 0.3}[seed%3], Confidence: 0.95}
		s := search(t, p)
		asked := walk(s, func(int) capacity.Verdict { return capacity.Verdict(r.IntN(3)) })
		require.LessOrEqual(t, len(asked), s.MaxSteps(), "%+v: %v", p, asked)
		seen := map[int]bool{}
		for _, x := range asked {
			require.False(t, seen[x], "%d twice in %v", x, asked)
			seen[x] = true
			require.True(t, x >= grain && x <= p.Max && x%grain == 0, "%d in %v", x, asked)
		}
		res := s.Result()
		if not, ok := res.NotMet.Get(); ok {
			lo := res.MaxOK.Or(0)
			require.LessOrEqual(t, not-lo, max(grain, int(p.Width*float64(lo))))
		} else {
			require.Equal(t, p.Max, res.MaxOK.Or(0))
		}
	})
}

// MaxSteps is what the worst answers can reach, or a little more.
func TestMaxStepsIsReached(t *testing.T) {
	p := capacity.Plan{Start: 2, Max: 24, Grain: 1, Width: 0.1, Confidence: 0.95}
	worst := 0
	var dig func(path []capacity.Measured)
	dig = func(path []capacity.Measured) {
		s := search(t, p)
		for _, m := range path {
			s.Record(m.X, m.Decision)
		}
		worst = max(worst, len(path))
		x, done := s.Next()
		if done {
			return
		}
		for _, v := range []capacity.Verdict{capacity.Pass, capacity.Fail, capacity.Undecided} {
			dig(append(path[:len(path):len(path)], capacity.Measured{X: x, Decision: capacity.Decision{Verdict: v}}))
		}
	}
	dig(nil)
	most := search(t, p).MaxSteps()
	assert.LessOrEqual(t, worst, most)
	assert.GreaterOrEqual(t, worst, most-3, "the bound is far from what can happen")
	t.Logf("worst %d, bound %d; users to 1024: %d; contexts to 131072: %d", worst, most,
		search(t, capacity.Users(1024)).MaxSteps(), search(t, capacity.Contexts(131072)).MaxSteps())
}
