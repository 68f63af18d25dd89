package engine_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aibench/harness/client"
	"aibench/harness/engine"
	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/mockserver"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mock(t testing.TB, dialect, faults string) string {
	t.Helper()
	profile, err := mockserver.LoadProfile("null")
	require.NoError(t, err)
	m, err := mockserver.New(profile, mockserver.Options{Dialect: dialect, Faults: faults, Seed: 1})
	require.NoError(t, err)
	s := httptest.NewServer(m)
	t.Cleanup(func() {
		s.Close()
		require.NoError(t, m.Close())
	})
	return s.URL + "/v1"
}

// In every dialect and API, what was built to N tokens is billed as N tokens.
func TestMockBillsWhatWasBuilt(t *testing.T) {
	for _, c := range []struct {
		dialect string
		kind    engine.Kind
		source  string
		apis    []client.API
	}{
		{"vllm", engine.VLLM, "endpoint", []client.API{client.Completions, client.Chat}},
		{"llamacpp", engine.LlamaCpp, "endpoint", []client.API{client.Completions, client.Chat}},
		{"ollama", engine.Ollama, "calibrated", []client.API{client.Completions, client.Chat, client.Ollama}},
		{"rockchip", engine.Rockchip, "calibrated", []client.API{client.Completions, client.Chat}},
	} {
		for _, api := range c.apis {
			t.Run(fmt.Sprintf("%s/%s", c.dialect, api), func(t *testing.T) {
				e, err := engine.Discover(t.Context(), engine.Config{Endpoint: mock(t, c.dialect, ""), API: api})
				require.NoError(t, err)
				assert.Equal(t, c.kind, e.Info().Kind)
				assert.Equal(t, engine.SimulatedName, e.Info().Name)
				counter, err := e.Counter(t.Context())
				require.NoError(t, err)
				require.Equal(t, c.source, counter.Source(), e.Notes())
				billed(t, e, api, counter)
			})
		}
	}
}

func billed(t *testing.T, e *engine.Engine, api client.API, counter scenario.Counter) {
	t.Helper()
	b, err := scenario.NewBuilder(t.Context(), counter)
	require.NoError(t, err)
	c, err := client.New(client.Config{Endpoint: e.Endpoint(), API: api, Model: e.Model().ID}, time.Now())
	require.NoError(t, err)
	defer c.Close()
	for _, want := range []int{64, 512, 4096, 131072} {
		p, err := b.Prompt(t.Context(), want, scenario.Key{Seed: 1})
		require.NoError(t, err)
		var r record.Request
		c.Do(t.Context(), e.Ask(p.Text, 3), &r)
		require.Nil(t, r.Failure)
		got, ok := r.PromptTokens.Get()
		require.True(t, ok)
		require.Equal(t, record.Some(3), r.CompletionTokens)
		require.Zero(t, r.CachedTokens.Or(0))
		switch {
		case counter.Source() == "endpoint":
			require.Equal(t, want, got)
		case want >= 512:
			require.InEpsilon(t, want, got, 0.01)
		}
	}
}

func TestMockWithoutUsage(t *testing.T) {
	e, err := engine.Discover(t.Context(), engine.Config{Endpoint: mock(t, "ollama", "no_usage:100")})
	require.NoError(t, err)
	_, err = e.Counter(t.Context())
	require.ErrorContains(t, err, "reports no usage")
}

func TestMockThatCuts(t *testing.T) {
	e, err := engine.Discover(t.Context(), engine.Config{Endpoint: mock(t, "ollama", "truncate_prompt=256:100")})
	require.NoError(t, err)
	_, err = e.Counter(t.Context())
	require.NoError(t, err)
	assert.Contains(t, strings.Join(e.Notes(), "\n"), "it seems to cut prompts")
}

func TestMockLoadsAModel(t *testing.T) {
	e, err := engine.Discover(t.Context(), engine.Config{Endpoint: mock(t, "rockchip", "")})
	require.NoError(t, err)
	require.NoError(t, e.Load(t.Context(), ""))
	assert.True(t, e.Model().Loaded)
}

func Example() {
	profile, err := mockserver.LoadProfile("null")
	if err != nil {
		panic(err)
	}
	m, err := mockserver.New(profile, mockserver.Options{})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(m)
	defer server.Close()

	ctx := context.Background()
	e, err := engine.Discover(ctx, engine.Config{Endpoint: server.URL + "/v1"})
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Info().Name, "playing", e.Info().Kind)
	fmt.Println("model", e.Model().ID)

	counter, err := e.Counter(ctx)
	if err != nil {
		panic(err)
	}
	builder, err := scenario.NewBuilder(ctx, counter)
	if err != nil {
		panic(err)
	}
	prompt, err := builder.Prompt(ctx, 8192, scenario.Key{Seed: 1, Trial: 1})
	if err != nil {
		panic(err)
	}
	ask := e.Ask(prompt.Text, 128)
	fmt.Println(prompt.Tokens, "prompt tokens by", prompt.Source, "and", ask.MaxTokens, "of output, pinned:", ask.Pinned)
	// Output:
	// mockserver (simulated) playing vllm
	// model null-sim
	// 8192 prompt tokens by endpoint and 128 of output, pinned: true
}
