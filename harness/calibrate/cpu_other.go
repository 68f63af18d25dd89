//go:build !unix

package calibrate

import (
	"time"

	"aibench/harness/record"
)

func cpuTime() time.Duration { return -1 }

func share(_, _, _ time.Duration) record.Opt[float64] { return record.Opt[float64]{} }
