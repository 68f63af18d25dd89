package engine

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"aibench/harness/client"
	"aibench/harness/scenario"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func count(t *testing.T, c scenario.Counter, text string) int {
	t.Helper()
	n, err := c.Count(t.Context(), text)
	require.NoError(t, err)
	return n
}

// exact builds a prompt and asks the server itself what it is.
func exact(t *testing.T, s *server, c scenario.Counter, want int) {
	t.Helper()
	b, err := scenario.NewBuilder(t.Context(), c)
	require.NoError(t, err)
	p, err := b.Prompt(t.Context(), want, scenario.Key{Seed: 3})
	require.NoError(t, err)
	assert.Equal(t, want, s.count(p.Text)+s.added)
}

func TestCountByVLLM(t *testing.T) {
	for _, api := range []client.API{client.Completions, client.Chat} {
		t.Run(string(api), func(t *testing.T) {
			s := serve(t, "vllm", nil)
			s.added = 9
			tok := serve(t, "vllm", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeVLLM})
			tok.added = 9
			e := discover(t, tok, Config{API: api})
			c, err := e.Counter(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "endpoint", c.Source())
			assert.Equal(t, 12, count(t, c, "a b c"))
			assert.Empty(t, e.Notes())
			exact(t, tok, c, 700)

			last := s.bodies[len(s.bodies)-1]
			if api == client.Chat {
				assert.Equal(t, true, last["add_generation_prompt"])
				assert.NotContains(t, last, "prompt")
			} else {
				assert.Equal(t, true, last["add_special_tokens"])
				assert.NotContains(t, last, "messages")
			}
			assert.Equal(t, "Qwen/Qwen2.5-7B-Instruct-AWQ", last["model"])
		})
	}
}

func TestCountByLlamaCpp(t *testing.T) {
	template := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"prompt":"<user> x <assistant>"}`) }
	s := serve(t, "llamacpp", nil)
	s2 := serve(t, "llamacpp", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeLlama, "POST /apply-template": template})
	c := discover(t, s2, Config{API: client.Chat}).endpoint()
	assert.Equal(t, 3, count(t, c, "hello"), "the templated text is counted")

	// Without the template's endpoint, and without the BOS that the server adds: both
	// are found as the constant difference.
	old := serve(t, "llamacpp", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeLlama})
	old.added = 14
	e := discover(t, old, Config{API: client.Chat})
	counter, err := e.Counter(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "endpoint", counter.Source())
	assert.Equal(t, 17, count(t, counter, "a b c"))
	exact(t, old, counter, 333)
	assert.Equal(t, true, s.bodies[len(s.bodies)-1]["add_special"])
}

func TestEndpointThatCountsOtherwise(t *testing.T) {
	s := serve(t, "vllm", nil)
	liar := serve(t, "vllm", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeVLLM})
	liar.count = func(text string) int { return words(text) * 3 / 2 }
	e := discover(t, liar, Config{})
	c, err := e.Counter(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "calibrated", c.Source())
	assert.Equal(t, []string{"prompt lengths are calibrated: the tokenize endpoint differs from the billed usage by 18 tokens " +
		"for one prompt and by 66 for another"}, e.Notes())

	broken := serve(t, "vllm", nil)
	calls := 0
	s3 := serve(t, "vllm", map[string]http.HandlerFunc{"POST /tokenize": func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		broken.tokenizeVLLM(w, r)
	}})
	e = discover(t, s3, Config{})
	c, err = e.Counter(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "calibrated", c.Source())
	assert.Equal(t, []string{"prompt lengths are calibrated: POST /tokenize: HTTP 500: out of order"}, e.Notes())
}

func TestCalibration(t *testing.T) {
	s := serve(t, "generic", nil)
	s.added = 7
	e := discover(t, s, Config{})
	c, err := e.Counter(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "calibrated", c.Source())
	assert.Empty(t, e.Notes())
	b, err := scenario.NewBuilder(t.Context(), c)
	require.NoError(t, err)
	for _, want := range []int{512, 5000, 40000} {
		p, err := b.Prompt(t.Context(), want, scenario.Key{Seed: 3})
		require.NoError(t, err)
		assert.InEpsilon(t, want, words(p.Text)+7, 0.01)
	}
	posts := 0
	for _, line := range s.asked() {
		if line == "POST /v1/completions" {
			posts++
		}
	}
	assert.Equal(t, 3, posts, "requests that a calibration costs")
}

func TestCalibrationBelowACut(t *testing.T) {
	s := serve(t, "generic", nil)
	s.limit = 256
	e := discover(t, s, Config{})
	c, err := e.Counter(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, words(scenario.ProbeText(4)), count(t, c, scenario.ProbeText(4)), 1)
	assert.Equal(t, []string{"prompt lengths are calibrated on 128 words only: of a prompt of about 517 tokens the server counted 256: " +
		"it seems to cut prompts"}, e.Notes())

	s.limit = 40
	_, err = e.Counter(t.Context())
	require.ErrorContains(t, err, "it cuts prompts")

	s.limit, s.refuse = 0, 200
	e = discover(t, s, Config{})
	_, err = e.Counter(t.Context())
	require.NoError(t, err)
	require.Len(t, e.Notes(), 1)
	assert.Contains(t, e.Notes()[0], "a prompt of 512 failed: probe request to "+s.URL+"/v1/completions: http: ")

	s.refuse = 10
	_, err = e.Counter(t.Context())
	require.ErrorContains(t, err, "maximum context length exceeded")
}

func TestNoUsage(t *testing.T) {
	s := serve(t, "generic", nil)
	s.usage = false
	_, err := discover(t, s, Config{}).Counter(t.Context())
	require.EqualError(t, err, "prompt length: unidentified OpenAI-compatible server at "+s.URL+"/v1 has no tokenize endpoint "+
		"and reports no usage: prompts of a given length can't be built")
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Contains(t, e.Hint, "prompts from a file need no length")

	tok := serve(t, "vllm", map[string]http.HandlerFunc{"POST /tokenize": s.tokenizeVLLM})
	tok.usage = false
	found := discover(t, tok, Config{})
	c, err := found.Counter(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "endpoint", c.Source())
	assert.Equal(t, []string{"the server reports no usage: prompt lengths are by its tokenize endpoint and not verified"}, found.Notes())
}

func TestCounterIsCanceled(t *testing.T) {
	s := serve(t, "generic", nil)
	e := discover(t, s, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Counter(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
