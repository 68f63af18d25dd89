package load

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLittlesLaw(t *testing.T) {
	for name, c := range map[string]struct {
		concurrency, rate float64
		latency           time.Duration
		want              float64
		ok                bool
	}{
		"holds":                  {8, 4, 2 * time.Second, 0, true},
		"a tenth is missing":     {10, 4.5, 2 * time.Second, -0.1, true},
		"latency counted double": {4, 4, 2 * time.Second, 1, true},
		"no users":               {0, 4, time.Second, 0, false},
		"nothing finished":       {4, 0, time.Second, 0, false},
		"no latency":             {4, 4, 0, 0, false},
		"rate of an empty time":  {4, math.Inf(1), time.Second, 0, false},
		"rate of nothing":        {4, math.NaN(), time.Second, 0, false},
		"no mean":                {math.NaN(), 4, time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := LittlesLaw(c.concurrency, c.rate, c.latency)
			assert.Equal(t, c.ok, ok)
			assert.InDelta(t, c.want, got, 1e-12)
		})
	}
}
