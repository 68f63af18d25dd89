package load_test

import (
	"context"
	"fmt"
	"time"

	"aibench/harness/load"
)

// Ramp up to 200 requests a second, then measure random arrivals at that rate.
func Example() {
	loop := load.OpenLoop{
		Cap: 1000,
		Phases: []load.Phase{
			{Name: "ramp", For: 100 * time.Millisecond, Pacer: load.Ramp{To: 200, Over: 100 * time.Millisecond}},
			{Name: "measured", Counted: true, Requests: 20, Pacer: load.Poisson{Rate: 200, Seed: 1}},
		},
	}
	for _, p := range loop.Phases {
		requests, length := p.Size()
		fmt.Printf("%s: %d requests in %v\n", p.Name, requests, length.Round(time.Millisecond))
	}

	results, err := loop.Run(context.Background(), func(_ context.Context, s load.Slot) {
		if s.Counted && s.Number == 0 {
			fmt.Println("the first that counts is request", s.Index)
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, r := range results {
		fmt.Printf("%s: %d finished, %d canceled, %d unaccounted\n", loop.Phases[i].Name, r.Finished, r.Canceled, r.Unaccounted())
	}

	deviation, _ := load.LittlesLaw(8, 3.8, 2*time.Second)
	fmt.Printf("Little's law: %+.0f %%\n", 100*deviation)
	// Output:
	// ramp: 10 requests in 100ms
	// measured: 20 requests in 179ms
	// the first that counts is request 10
	// ramp: 10 finished, 0 canceled, 0 unaccounted
	// measured: 20 finished, 0 canceled, 0 unaccounted
	// Little's law: -5 %
}
