package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCellName(t *testing.T) {
	for _, c := range []struct {
		cell      Cell
		name, sub string
		perTrial  int
	}{
		{Cell{Benchmark: "Context", Ctx: 8192, Users: 4}, "BenchmarkContext/ctx=8192/users=4", "ctx=8192/users=4", 4},
		{Cell{Benchmark: "Context", Ctx: 64, Users: 1, Requests: 3}, "BenchmarkContext/ctx=64/users=1", "ctx=64/users=1", 3},
		{Cell{Benchmark: "Prompt", PromptID: "history", Users: 1}, "BenchmarkPrompt/prompt=history/users=1", "prompt=history/users=1", 1},
		{Cell{Benchmark: "Quick"}, "BenchmarkQuick", "", 1},
	} {
		assert.Equal(t, c.name, c.cell.Name())
		assert.Equal(t, c.sub, c.cell.SubName())
		assert.Equal(t, c.perTrial, c.cell.PerTrial())
	}
}

func TestSweep(t *testing.T) {
	got := Sweep([]int{4096, 1024, 1024}, []int{4, 1}, 8)
	at := func(ctx, users int) Cell { return Cell{Benchmark: "Context", Ctx: ctx, Users: users, Requests: 8} }
	assert.Equal(t, []Cell{at(1024, 1), at(1024, 4), at(4096, 1), at(4096, 4)}, got)
	assert.Empty(t, Sweep(nil, []int{1}, 0))
}

func TestBeyond(t *testing.T) {
	byCtx := Cell{Benchmark: "Context", Ctx: 1024, Users: 4}
	byUsers := Cell{Benchmark: "Concurrency", Ctx: 1024, Users: 4, Raises: ByUsers}
	byRate := Cell{Benchmark: "Rate", Ctx: 1024, Rate: 0.5, Raises: ByRate}
	with := func(c Cell, change func(*Cell)) Cell { change(&c); return c }
	for _, c := range []struct {
		a, b Cell
		want bool
	}{
		{byCtx, byCtx, false},
		{with(byCtx, func(c *Cell) { c.Ctx = 2048 }), byCtx, true},
		{byCtx, with(byCtx, func(c *Cell) { c.Ctx = 2048 }), false},
		{with(byCtx, func(c *Cell) { c.Ctx, c.Users = 2048, 1 }), byCtx, false},
		{with(byCtx, func(c *Cell) { c.Users = 8 }), byCtx, false},
		{with(byUsers, func(c *Cell) { c.Users, c.Requests = 8, 32 }), byUsers, true},
		{with(byUsers, func(c *Cell) { c.Users, c.Ctx = 8, 2048 }), byUsers, false},
		{with(byRate, func(c *Cell) { c.Rate = 0.75 }), byRate, true},
		{byRate, with(byRate, func(c *Cell) { c.Rate = 0.75 }), false},
		{with(byUsers, func(c *Cell) { c.Users, c.Raises = 8, ByContext }), byUsers, false},
	} {
		assert.Equal(t, c.want, c.a.Beyond(c.b), "%s beyond %s", c.a.Name(), c.b.Name())
	}
	assert.Equal(t, "BenchmarkRate/rps=0.5/ctx=1024", byRate.Name())
}
