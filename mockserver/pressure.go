package mockserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
)

// pressure makes modelled memory real, scaled: RAM is allocated and touched,
// offloaded blocks are written to and read from a file a tier. A nil pressure
// does nothing.
type pressure struct {
	scale float64
	block int64 // real bytes of a block in a file
	dir   string
	own   bool // dir is ours to remove

	mu    sync.Mutex
	held  [][]byte
	files map[int]*os.File
	buf   []byte
	fault error // the first failed operation, for Close
}

// grain is the unit in which RAM is taken.
const grain = 1 << 20

func newPressure(l layout, scale float64, dir string) (*pressure, error) {
	if scale == 0 {
		return nil, errors.New("pressure: the profile has no pressure_scale")
	}
	p := &pressure{scale: scale, block: max(1, int64(float64(l.block)*scale)), dir: dir, files: map[int]*os.File{}}
	for i, t := range l.tiers {
		if t.Backing != "file" {
			continue
		}
		if p.dir == "" {
			d, err := os.MkdirTemp("", "mockserver-offload-")
			if err != nil {
				return nil, fmt.Errorf("pressure: %w", err)
			}
			p.dir, p.own = d, true
		}
		f, err := os.OpenFile(filepath.Join(p.dir, "kv-"+t.Name+".bin"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, fmt.Errorf("pressure: offload directory: %w", err)
		}
		p.files[i] = f
	}
	p.buf = make([]byte, p.block)
	for i := range p.buf {
		p.buf[i] = byte(i * 7) // not zeros, which a file system may not store
	}
	return p, nil
}

// hold has the scaled number of modelled bytes really in use.
func (p *pressure) hold(modelled int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	want := int(float64(modelled) * p.scale / grain)
	for len(p.held) < want {
		b := make([]byte, grain)
		for i := 0; i < grain; i += 4096 {
			b[i] = 1 // untouched pages are not in memory
		}
		p.held = append(p.held, b)
	}
	if len(p.held) > want {
		clear(p.held[want:])
		p.held = p.held[:want]
		debug.FreeOSMemory() // else the collector keeps it for minutes
	}
}

// apply writes and reads the blocks that changed places.
func (p *pressure) apply(moves []move) {
	if p == nil || len(moves) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	in := make([]byte, p.block)
	for _, m := range moves {
		var err error
		at := int64(m.slot) * p.block
		if m.write {
			_, err = p.files[m.tier].WriteAt(p.buf, at)
		} else {
			_, err = p.files[m.tier].ReadAt(in, at)
		}
		if err != nil && p.fault == nil {
			p.fault = fmt.Errorf("pressure: offload: %w", err)
		}
	}
}

func (p *pressure) close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.fault
	for _, f := range p.files {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if p.own {
		err = errors.Join(err, os.Remove(p.dir))
	}
	p.files, p.held = nil, nil
	return err
}
