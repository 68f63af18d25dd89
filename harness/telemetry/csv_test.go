package telemetry

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// randomTick has each cell absent, zero or any value.
func randomTick(r *rand.Rand, session int) Tick {
	t := Tick{At: r.Int64(), Session: session}
	for _, c := range columns {
		pick := r.IntN(4)
		switch {
		case pick == 0:
		case c.share != nil:
			*c.share(&t) = record.Some([]float64{0, 1, r.Float64()}[pick-1])
		default:
			*c.whole(&t) = record.Some([]int64{0, r.Int64(), -r.Int64()}[pick-1])
		}
	}
	return t
}

func TestCSVRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := appendHeader(nil)
		var want []Tick
		for session := 1; session <= 3; session++ {
			for range r.IntN(4) {
				k := randomTick(r, session)
				want = append(want, k)
				b = appendTick(b, &k)
			}
			b = append(b, "\n\n"...)
		}
		got, err := ReadCSV(bytes.NewReader(b))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// A kill may tear the file at any byte after the header. The next session appends
// to it; no row that was whole is lost, and none that was torn is believed.
func TestCSVTornAnywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rows := []Tick{randomTick(r, 11), randomTick(r, 12), randomTick(r, 12)}
	next := randomTick(r, 13)
	b := appendHeader(nil)
	ends := []int{len(b)}
	for i := range rows {
		b = appendTick(b, &rows[i])
		ends = append(ends, len(b))
	}
	for cut := ends[0]; cut <= len(b); cut++ {
		whole := 0
		for whole+1 < len(ends) && ends[whole+1] <= cut {
			whole++
		}
		torn, err := ReadCSV(bytes.NewReader(b[:cut]))
		require.NoError(t, err, "cut at %d", cut)
		require.Equal(t, rows[:whole], append([]Tick{}, torn...), "cut at %d", cut)

		if whole < len(rows) && cut == ends[whole+1]-1 {
			whole++ // only the line end is missing, and the next session gives it
		}
		if whole == 0 && cut == ends[1]-2 {
			continue // session 11 torn to 1 in the very first row: no row before it tells
		}
		file := append(append([]byte{}, b[:cut]...), "\n\n"...)
		file = appendTick(file, &next)
		got, err := ReadCSV(bytes.NewReader(file))
		require.NoError(t, err, "cut at %d", cut)
		require.Equal(t, append(append([]Tick{}, rows[:whole]...), next), got, "cut at %d", cut)
	}
}

func TestReadCSVErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "line 1: not a telemetry file",
		"a,b\n":                     "line 1: not a telemetry file",
		"at_ns,at_ns,session\n":     `line 1: column "at_ns" twice`,
		"at_ns,session\n1\n2,1\n":   "line 2: 1 cells where the header has 2",
		"at_ns,session\nx,1\n2,1\n": "line 2: cell 1",
		"at_ns,session\n1,2\n2,1\n": "line 3: session 1 after session 2",
		"at_ns,cpu_share,session\n1,1.5,1\n2,,1\n": "cpu_share: 1.5 is no share",
		"at_ns,cpu_share,session\n1,NaN,1\n2,,1\n": "cpu_share: NaN is no share",
	} {
		_, err := ReadCSV(strings.NewReader(in))
		assert.ErrorContains(t, err, want, "%q", in)
	}
}

func TestReadCSVOfOtherVersions(t *testing.T) {
	got, err := ReadCSV(strings.NewReader("session,gpu0_w,at_ns,ram_used_bytes\r\n1,300,5,\r\n1,300,6,0\r\n"))
	require.NoError(t, err)
	assert.Equal(t, []Tick{{At: 5, Session: 1}, {At: 6, Session: 1, RAMUsed: record.Some[int64](0)}}, got)
}

func FuzzReadCSV(f *testing.F) {
	header := string(appendHeader(nil))
	k := randomTick(rand.New(rand.NewPCG(5, 6)), 1)
	row := string(appendTick(nil, &k))
	f.Add("")
	f.Add(header)
	f.Add(header + row + row)
	f.Add(header + row[:len(row)/2] + "\n\n" + row)
	f.Add("at_ns,session,cpu_share\r\n1,1,0.5\r\n\r\n2,1,1e-3")
	f.Fuzz(func(t *testing.T, in string) {
		ticks, err := ReadCSV(strings.NewReader(in))
		if err != nil {
			return
		}
		b := appendHeader(nil)
		for i := range ticks {
			b = appendTick(b, &ticks[i])
		}
		again, err := ReadCSV(bytes.NewReader(b))
		if err != nil || fmt.Sprint(ticks) != fmt.Sprint(again) {
			t.Fatalf("read %v, wrote, read %v, %v", ticks, again, err)
		}
	})
}
