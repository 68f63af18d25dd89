package telemetry

import (
	"bytes"
	"context"
	"errors"
	"os"

	"aibench/harness/record"
)

// paging counts the pages that had to be read because memory was short.
type paging struct {
	file                 slurp
	faults, swapI, swapO since
	text                 string
}

func (p *paging) fill(ctx context.Context, t *Tick) {
	b, err := p.file.read(hostProc(ctx, "vmstat"))
	if err != nil {
		p.text = reason(err)
		return
	}
	page := int64(os.Getpagesize())
	found := false
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		if len(line) == 0 || line[0] != 'p' {
			continue
		}
		name, rest := word(line)
		var into *record.Opt[int64]
		var from *since
		unit := page
		switch string(name) {
		case "pgmajfault":
			into, from, unit = &t.MajorFaults, &p.faults, 1
		case "pswpin":
			into, from = &t.SwapIn, &p.swapI
		case "pswpout":
			into, from = &t.SwapOut, &p.swapO
		default:
			continue
		}
		if n, _, ok := number(rest); ok {
			*into = from.count(n * unit)
			found = true
		}
	}
	p.text = "/proc/vmstat"
	if !found {
		p.text = reason(errors.New("no such counters in /proc/vmstat"))
	}
}

func (p *paging) notes() []note { return []note{{"faults and swap traffic", p.text}} }
