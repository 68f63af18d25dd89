// Package stats is the mathematics of a comparison, on plain []float64.
//
// It knows nothing of what the numbers mean. To compare a sample b with a
// sample a:
//
//  1. describe each: [Median], [MedianCI], and [Percentile] for a tail;
//  2. ask whether they differ at all: [MannWhitney] gives p;
//  3. ask by how much: [RatioCI] gives the interval of location(b)/location(a);
//  4. ask what could have been seen: [MinDetectable];
//  5. when several questions were asked at once, correct their p with [Holm].
//
// None of it assumes a distribution: benchmark results are rarely normal. The
// test, the median and its interval are those of golang.org/x/perf/benchmath, so
// that a p or a median printed here is the one benchstat prints.
//
// No function changes its arguments. What is undefined (the mean of nothing) is
// NaN; what can't be had from so few samples is an [Interval] with OK false that
// says how many would do.
package stats
