package report

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// go test ./harness/report -run Gallery -gallery /tmp/charts leaves the charts of all
// cases there, to be looked at: no test can tell whether a chart is pleasant.
var gallery = flag.String("gallery", "", "`folder` to leave the charts of all cases in")

// gallery cases: what a run can look like.
var galleryCases = map[string]func(t *testing.T, dir *record.Dir){
	"two_stages": func(t *testing.T, dir *record.Dir) {
		sampleStage(t, dir, baseline, mock, doubling(131072, 32768, 6, 1)...)
		sampleStage(t, dir, aidaptiv, mock, doubling(131072, 0, 6, 1.2)...)
		sampleMetrics(t, dir, baseline, 32<<30)
		sampleMetrics(t, dir, aidaptiv, 32<<30)
	},
	"one_stage": func(t *testing.T, dir *record.Dir) {
		sampleStage(t, dir, baseline, mock, doubling(131072, 65536, 6, 1)...)
		sampleMetrics(t, dir, baseline, 512<<30)
	},
	"all_failing": func(t *testing.T, dir *record.Dir) {
		sampleStage(t, dir, baseline, mock, doubling(16384, 1024, 6, 1)...)
		sampleStage(t, dir, aidaptiv, mock, doubling(16384, 1024, 6, 1)...)
	},
	"one_context": func(t *testing.T, dir *record.Dir) {
		sampleStage(t, dir, baseline, mock, sampleCell{ctx: 8192, trials: 6})
		sampleStage(t, dir, aidaptiv, mock, sampleCell{ctx: 8192, trials: 6, ttft: 900 * time.Millisecond})
	},
	"twenty_contexts": func(t *testing.T, dir *record.Dir) {
		var a, b []sampleCell
		for ctx := 4096; ctx <= 81920; ctx += 4096 {
			c := sampleCell{ctx: ctx, trials: 6}
			b = append(b, c)
			if ctx >= 40960 {
				c.outcome = []record.Outcome{record.OOMGPU, record.Timeout}[ctx/4096%2]
			}
			if ctx == 16384 {
				c.outcome, c.fails = record.Stalled, 2
			}
			a = append(a, c)
		}
		sampleStage(t, dir, baseline, mock, a...)
		sampleStage(t, dir, aidaptiv, mock, b...)
	},
	"users": func(t *testing.T, dir *record.Dir) {
		for _, s := range []string{baseline, aidaptiv} {
			var cells []sampleCell
			for ctx := 1024; ctx <= 65536; ctx *= 2 {
				for _, u := range []int{1, 4, 16} {
					c := sampleCell{ctx: ctx, users: u, trials: 6, ttft: time.Duration(u*ctx) * 90 * time.Microsecond}
					if s == baseline && ctx*u == 65536 {
						c.outcome = record.OOMHost
					}
					if s == baseline && ctx*u > 65536 {
						c.notRun = "sweep ended"
					}
					cells = append(cells, c)
				}
			}
			sampleStage(t, dir, s, mock, cells...)
			sampleMetrics(t, dir, s, 32<<30)
		}
	},
	"one_trial": func(t *testing.T, dir *record.Dir) {
		sampleStage(t, dir, baseline, mock, doubling(32768, 16384, 1, 1)...)
		sampleStage(t, dir, aidaptiv, mock, doubling(32768, 0, 1, 2)...)
	},
	"five_decades": func(t *testing.T, dir *record.Dir) {
		var a, b []sampleCell
		d := 2 * time.Millisecond
		for ctx := 512; ctx <= 1<<20; ctx *= 4 {
			a = append(a, sampleCell{ctx: ctx, trials: 6, ttft: d})
			b = append(b, sampleCell{ctx: ctx, trials: 6, ttft: 3 * d})
			d *= 11
		}
		sampleStage(t, dir, baseline, mock, a...)
		sampleStage(t, dir, aidaptiv, mock, b...)
	},
	"long_names": func(t *testing.T, dir *record.Dir) {
		who := record.Session{Engine: "ollama 0.6.5", Model: "hf.co/some-organisation/" + strings.Repeat("Very-Long-Model-Name-", 6) + "70B-Instruct-GGUF <&>", Quant: "Q4_K_M"}
		sampleStage(t, dir, baseline, who, doubling(8192, 0, 6, 1)...)
		who.Engine = "mockserver (simulated)"
		who.Model = "other\nline " + who.Model
		sampleStage(t, dir, aidaptiv, who, doubling(8192, 4096, 6, 1)...)
		require.NoError(t, dir.Update(func(r *record.Run) { r.Partial = "interrupted" }))
	},
	"invalid": func(t *testing.T, dir *record.Dir) {
		sampleStage(t, dir, baseline, mock,
			sampleCell{ctx: 1024, trials: 6}, sampleCell{ctx: 2048, trials: 6},
			sampleCell{ctx: 4096, trials: 6, prompt: 3000},
			sampleCell{ctx: 8192, trials: 6, prompt: 4096, outcome: record.PromptTruncated},
			sampleCell{ctx: 16384, trials: 6, prompt: 4096, outcome: record.PromptTruncated})
		sampleStage(t, dir, aidaptiv, mock,
			sampleCell{ctx: 1024, trials: 6, prompt: 512}, sampleCell{ctx: 2048, trials: 6},
			sampleCell{ctx: 4096, trials: 6}, sampleCell{ctx: 8192, trials: 6, outcome: record.Timeout, fails: 2},
			sampleCell{ctx: 16384, trials: 6})
	},
	"four_sweeps": func(t *testing.T, dir *record.Dir) { manySweeps(t, dir, 4) },
	"six_sweeps":  func(t *testing.T, dir *record.Dir) { manySweeps(t, dir, 6) },
	"chinese": func(t *testing.T, dir *record.Dir) {
		who := mock
		who.Model = "通义千问-7b é"
		sampleStage(t, dir, "third", who, sampleCell{ctx: 1000, trials: 6}, sampleCell{ctx: 3000, trials: 6})
		require.NoError(t, dir.Update(func(r *record.Run) { r.Stages = []string{"third"} }))
	},
	"noisy": func(t *testing.T, dir *record.Dir) {
		a, b := doubling(65536, 0, 9, 1), doubling(65536, 0, 9, 1.05)
		for i := range a {
			a[i].spread, b[i].spread = 12, 20
		}
		sampleStage(t, dir, baseline, mock, a...)
		sampleStage(t, dir, aidaptiv, mock, b...)
	},
	"resumed": func(t *testing.T, dir *record.Dir) {
		cells := doubling(65536, 0, 6, 1)
		cells[4].resume, cells[6].resume = true, true
		sampleStage(t, dir, baseline, mock, cells...)
		sampleMetrics(t, dir, baseline, 32<<30)
		sampleStage(t, dir, aidaptiv, mock, doubling(65536, 0, 6, 1)...)
	},
}

// manySweeps has n numbers of users; more users fail earlier, in both stages.
func manySweeps(t *testing.T, dir *record.Dir, n int) {
	for i, s := range []string{baseline, aidaptiv} {
		var cells []sampleCell
		for ctx := 1024; ctx <= 131072; ctx *= 2 {
			for u := 1; u <= n; u++ {
				c := sampleCell{ctx: ctx, users: u, trials: 1, ttft: time.Duration(u*ctx) * 90 * time.Microsecond}
				switch limit := 200_000 << i; {
				case ctx*u > 2*limit:
					c.notRun = "sweep ended"
				case ctx*u > limit:
					c.outcome = record.OOMHost
				}
				cells = append(cells, c)
			}
		}
		sampleStage(t, dir, s, mock, cells...)
	}
}

// sampleMetrics writes telemetry to go with a stage's journal: memory that follows the
// context, one tick a 100 ms.
func sampleMetrics(t *testing.T, dir *record.Dir, stage string, total int64) {
	t.Helper()
	s, err := Load(dir, stage)
	require.NoError(t, err)
	var b bytes.Buffer
	b.WriteString("at_ns,ram_total_bytes,ram_used_bytes,server_rss_bytes,session\n")
	for _, session := range s.Log.Sessions {
		end, cell := int64(0), map[int64]int64{}
		for _, tr := range s.Log.Trials {
			if tr.Session != session.Session {
				continue
			}
			end = max(end, tr.End)
			c, _ := s.cellOf(tr.Cell)
			for at := tr.Start / 1e8; at <= tr.End/1e8; at++ {
				cell[at] = int64(c.Ctx)
			}
		}
		for at := int64(0); at <= end/1e8+2; at++ {
			rss := 5<<30 + cell[at]<<17
			fmt.Fprintf(&b, "%d,%d,%d,%d,%d\n", at*1e8, total, rss+2<<30+at%7<<24, rss, session.Session)
		}
	}
	require.NoError(t, os.WriteFile(dir.Metrics(stage), b.Bytes(), 0o644))
}

func (s Stage) cellOf(name string) (Cell, bool) {
	for _, c := range s.Cells {
		if c.Name == name {
			return c, true
		}
	}
	return Cell{}, false
}

func TestGallery(t *testing.T) {
	for name, fill := range galleryCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := sampleRun(t)
			fill(t, dir)
			require.NoError(t, WriteCharts(dir, load(t, dir)))
			files, err := filepath.Glob(filepath.Join(dir.Charts(""), "*"))
			require.NoError(t, err)
			require.NotEmpty(t, files)
			for _, path := range files {
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				if filepath.Ext(path) == ".png" {
					checkPNG(t, b)
				}
				if *gallery != "" {
					require.NoError(t, os.WriteFile(filepath.Join(*gallery, name+"_"+filepath.Base(path)), b, 0o644))
				}
			}
		})
	}
}

// checkPNG wants a page of the right size with something on it, and nothing on its
// rim: what stands there is cut off.
func checkPNG(t *testing.T, b []byte) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	size := img.Bounds().Size()
	require.Equal(t, 1920, size.X)
	require.Equal(t, 1080, size.Y)
	page, ok := img.(*image.RGBA) // an opaque page
	require.True(t, ok, "%T", img)
	blank := bytes.Repeat([]byte{255}, 4*size.X)
	const rim = 16
	painted := 0
	for y := range size.Y {
		row := page.Pix[y*page.Stride:][:4*size.X]
		if bytes.Equal(row, blank) {
			continue
		}
		require.False(t, y < rim || y >= size.Y-rim, "painted on the rim, row %d", y)
		require.Equal(t, blank[:4*rim], row[:4*rim], "painted on the rim, row %d", y)
		require.Equal(t, blank[:4*rim], row[4*(size.X-rim):], "painted on the rim, row %d", y)
		for x := 0; x < len(row); x += 4 {
			if !bytes.Equal(row[x:x+4], blank[:4]) {
				painted++
			}
		}
	}
	assert.Greater(t, painted, 20000, "the page is nearly blank")
}
