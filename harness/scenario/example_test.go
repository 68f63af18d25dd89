package scenario_test

import (
	"context"
	"fmt"
	"strings"

	"aibench/harness/scenario"
)

// words counts as an engine would whose vocabulary has every word; the chat template
// adds nine tokens.
type words struct{}

func (words) Count(_ context.Context, text string) (int, error) {
	return 9 + len(strings.Fields(text)), nil
}

func (words) Source() string { return "endpoint" }

func Example() {
	ctx := context.Background()
	builder, err := scenario.NewBuilder(ctx, words{})
	if err != nil {
		panic(err)
	}
	for _, cell := range scenario.Sweep([]int{2048, 32}, []int{1}, 0) {
		key := scenario.Key{Seed: 1, Cell: cell.Name(), Trial: 1}
		p, err := builder.Prompt(ctx, cell.Ctx, key)
		if err != nil {
			panic(err)
		}
		fmt.Println(cell.Name(), p.Tokens, p.Source)
		fmt.Printf("%.40s...%q\n", p.Text, p.Text[len(p.Text)-20:])
	}
	// Output:
	// BenchmarkContext/ctx=32/users=1 32 endpoint
	// biirxklauokb rain family song name tree ..."\nWrite a long story:"
	// BenchmarkContext/ctx=2048/users=1 2048 endpoint
	// zruhdgembvyh dream story program name fa..."\nWrite a long story:"
}
