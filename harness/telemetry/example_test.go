package telemetry_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"aibench/harness/telemetry"
)

// A stage samples while it measures, and reads the rows afterwards.
func Example() {
	var file bytes.Buffer // metrics_baseline.csv
	epoch := time.Now()   // zero of the run's clock
	sampler, err := telemetry.Start(context.Background(), &file, epoch, 1, true, telemetry.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	// ... measure ...
	summary := sampler.Stop()

	ticks, err := telemetry.ReadCSV(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	first := ticks[0]
	fmt.Println("rows as summarised:", len(ticks) == summary.Ticks)
	fmt.Println("session", first.Session, "has RAM:", first.RAMTotal.Has(), "has a server:", first.ServerRSS.Has())
	// Output:
	// rows as summarised: true
	// session 1 has RAM: true has a server: false
}
