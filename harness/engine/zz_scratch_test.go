package engine_test

import (
	"os"
	"testing"
	"time"

	"aibench/harness/client"
	"aibench/harness/engine"
	"aibench/harness/record"
	"aibench/harness/scenario"
)

func TestScratchReal(t *testing.T) {
	url := os.Getenv("SCRATCH")
	for _, model := range []string{"stories", "tiny"} {
		for _, api := range []client.API{client.Completions, client.Chat, client.Ollama} {
			e, err := engine.Discover(t.Context(), engine.Config{Endpoint: url, API: api, Model: model})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", e.Info())
			start := time.Now()
			if err := e.Load(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v load %v", e.Model(), time.Since(start))
			start = time.Now()
			counter, err := e.Counter(t.Context())
			t.Logf("%s %s counter %+v %v, %v, notes %q", model, api, counter, err, time.Since(start), e.Notes())
			if err != nil {
				continue
			}
			b, err := scenario.NewBuilder(t.Context(), counter)
			if err != nil {
				t.Fatal(err)
			}
			c, _ := client.New(client.Config{Endpoint: url, API: api, Model: e.Model().ID}, time.Now())
			sizes := []int{100, 200, 400, 500}
			if model == "tiny" {
				sizes = []int{100, 512, 1024, 2048, 4096, 8192}
			}
			for _, n := range sizes {
				for trial := range 3 {
					p, err := b.Prompt(t.Context(), n, scenario.Key{Trial: trial, Seed: 5})
					if err != nil {
						t.Log(err)
						continue
					}
					var r record.Request
					c.Do(t.Context(), e.Ask(p.Text, 2), &r)
					got := r.PromptTokens.Or(-1)
					t.Logf("want %d sent %d billed %d %+.2f%% %v", n, p.Tokens, got, 100*float64(got-n)/float64(n), r.Failure)
				}
			}
		}
	}
}
