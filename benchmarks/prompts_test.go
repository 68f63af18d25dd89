package benchmarks

import (
	"context"
	"testing"

	"aibench/fixtures"
	"aibench/harness/scenario"
	"aibench/harness/session"
)

// BenchmarkPrompts asks written prompts as they stand, one request a trial: the five
// of suite=performance and, with -prompts FILE, those of suite=own. Their lengths are
// the texts' own, and the answer may be shorter than asked for. Asking again repeats
// the prompt on purpose, so a cache hit is no fault; these figures must not be mixed
// with those of BenchmarkContext.
//
//	go test -bench 'Prompts/suite=own' -benchtime=1x -count=6 ./benchmarks -args -prompts /home/me/prompts.yaml
func BenchmarkPrompts(b *testing.B) {
	suites, err := promptSuites(bench.cfg.Prompts)
	if err != nil {
		b.Fatal(err)
	}
	var works []session.Work
	var cells []scenario.Cell
	for _, suite := range suites {
		for _, item := range suite.items {
			w := promptWork(suite.name, item, bench.cfg.MaxTokens)
			works, cells = append(works, w), append(cells, w.Cell)
		}
	}
	bench.session.Plan(matching(cells))
	for _, w := range works {
		b.Run(w.Cell.SubName(), func(b *testing.B) { bench.measure(b, w) })
	}
}

type promptSuite struct {
	name  string
	items []scenario.Item
}

// promptSuites are the built-in prompts and those of the user's file, if there is one.
func promptSuites(own string) ([]promptSuite, error) {
	const builtIn = "prompts/performance.yaml"
	data, err := fixtures.FS.ReadFile(builtIn)
	if err != nil {
		return nil, err
	}
	items, err := scenario.ParseItems(builtIn, data)
	if err != nil {
		return nil, err
	}
	suites := []promptSuite{{"performance", items}}
	if own == "" {
		return suites, nil
	}
	if items, err = scenario.LoadItems(own); err != nil {
		return nil, err
	}
	return append(suites, promptSuite{"own", items}), nil
}

func promptWork(suite string, item scenario.Item, maxTokens int) session.Work {
	if item.MaxTokens > 0 {
		maxTokens = item.MaxTokens
	}
	return session.Work{
		Cell:      scenario.Cell{Benchmark: "Prompts", Suite: suite, PromptID: item.ID},
		MaxTokens: maxTokens,
		Reuse:     "declared",
		Prompt: func(context.Context, *session.Session, scenario.Key) (scenario.Prompt, error) {
			return scenario.Prompt{Text: item.Prompt, ID: item.ID}, nil
		},
	}
}
