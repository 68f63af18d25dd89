package calibrate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"aibench/harness/record"
)

// Write prints the certificate.
func Write(w io.Writer, c record.Calibration) error {
	var b strings.Builder
	b.WriteString("calibration: this client's own error against a server of known timing\n")
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "users\tTTFT P50\tP99\tarrival P50\tP99\tmax\tgap P50\tP99\tqueue P99\tevents/s\tCPU\t stamp")
	for _, l := range c.Levels {
		cpu := "-"
		if s, ok := l.CPUShare.Get(); ok {
			cpu = fmt.Sprintf("%.0f %%", 100*s)
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t%s\t %s\n", l.Users,
			show(l.First.P50), show(l.First.P99), show(l.Arrival.P50), show(l.Arrival.P99), show(l.Arrival.Max),
			show(l.Gap.P50), show(l.Gap.P99), show(l.Queue.P99), l.EventsRate, cpu, l.Stamp)
	}
	tw.Flush()
	if n, ok := c.LimitUsers.Get(); ok {
		fmt.Fprintf(&b, "the client becomes the limit at %d users\n", n)
	} else {
		fmt.Fprintf(&b, "the client is not the limit up to %d users\n", c.TriedUsers)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// show writes nanoseconds with two significant digits: no more is known.
func show(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d < 0:
		return "-" + show(-ns)
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(ns)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(ns)/1e3)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(ns)/1e6)
	}
	return fmt.Sprintf("%.0f ms", float64(ns)/1e6)
}
