package stats_test

import (
	"fmt"

	"aibench/harness/stats"
)

// Two samples, described and compared.
func Example() {
	before := []float64{100, 104, 98, 101, 99, 103}
	after := []float64{112, 108, 115, 110, 111, 117}

	ci := stats.MedianCI(before, 0.95)
	fmt.Printf("before: median %.1f in [%.0f, %.0f]\n", stats.Median(before), ci.Lo, ci.Hi)
	fmt.Printf("after:  median %.1f\n", stats.Median(after))
	fmt.Printf("p = %.3f\n", stats.MannWhitney(before, after))

	ratio := stats.RatioCI(before, after, 0.95)
	fmt.Printf("ratio in [%.3f, %.3f], covering %.1f %%\n", ratio.Lo, ratio.Hi, 100*ratio.Level)
	effect, _ := stats.MinDetectable(before, after, 0.95)
	fmt.Printf("changes from %.1f %% on would have shown\n", 100*effect)

	few := stats.RatioCI(before[:3], after[:3], 0.95)
	fmt.Printf("of 3 values a side: %v, it takes %d\n", few.OK, few.Need)
	// Output:
	// before: median 100.5 in [98, 104]
	// after:  median 111.5
	// p = 0.002
	// ratio in [1.069, 1.158], covering 95.9 %
	// changes from 5.9 % on would have shown
	// of 3 values a side: false, it takes 4
}
