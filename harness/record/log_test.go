package record

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLastEndOfCutOffSession(t *testing.T) {
	_, ok := new(Log).LastEnd()
	assert.False(t, ok)
	_, ok = (&Log{Sessions: []Session{{Session: 1}, {Session: 2}}, Ends: []End{{Session: 1}}}).LastEnd()
	assert.False(t, ok, "session 2 has no end")
}

func TestFinishedSortsByIndex(t *testing.T) {
	log := Log{Trials: []Trial{{Session: 1, Cell: "a", Trial: 1, Requests: 3}},
		Requests: []Request{{Session: 1, Cell: "a", Trial: 1, Index: 2}, {Session: 1, Cell: "a", Trial: 1, Index: 0}, {Session: 1, Cell: "a", Trial: 1, Index: 1}}}
	for i, r := range log.Finished("a")[0].Requests {
		assert.Equal(t, i, r.Index)
	}
	assert.Equal(t, []string{"a"}, log.Cells())
}

func TestReadLogRefuses(t *testing.T) {
	const (
		session = `{"type":"session","session":1,"schema":1,"stage":"baseline"}` + "\n"
		request = `{"type":"request","session":1,"cell":"X","trial":3}` + "\n"
		trial   = `{"type":"trial","session":1,"cell":"X","trial":3,"requests":1}` + "\n"
		end     = `{"type":"end","session":1,"reason":"complete"}` + "\n"
	)
	for _, c := range []struct{ in, want string }{
		{"\n" + session, "journal j:1: empty line"},
		{session + "{\"type\":\"requ\n" + end, "journal j:2: unexpected end of JSON input"},
		{session + "not json\n", "journal j:2: invalid character 'o' in literal null (expecting 'u')"},
		{session + `{"type":"gap"}` + "\n", `journal j:2: unknown line type "gap"`},
		{request, "journal j:1: no session has begun"},
		{strings.Replace(session, `"schema":1`, `"schema":2`, 1), "journal j:1: schema version 2: this aibench reads version 1 only"},
		{strings.Replace(session, `"schema":1,`, ``, 1), "journal j:1: schema version 0: this aibench reads version 1 only"},
		{strings.Replace(session, `baseline`, ``, 1), "journal j:1: session 1 names no stage"},
		{session + session, "journal j:2: session 1 follows session 1"},
		{session + strings.NewReplacer(`"session":1`, `"session":2`, "baseline", "other").Replace(session), `journal j:2: session 2 is of stage "other", the journal of stage "baseline"`},
		{session + strings.Replace(request, `"session":1`, `"session":2`, 1), "journal j:2: line of session 2 within session 1"},
		{session + request + trial + trial, "journal j:4: trial 3 of X stands twice"},
		{session + request + request + trial, "journal j:4: trial 3 of X counts 1 requests, 2 stand before it"},
		{session + trial, "journal j:2: trial 3 of X has no requests in session 1"},
		{session + request + trial + request, "journal j:4: request of trial 3 of X, which has ended before"},
		{session + request + strings.Replace(trial, `"trial":3`, `"trial":0`, 1), "journal j:3: trial 0 of X: trials count from 1"},
		{session + request + strings.Replace(trial, `"req`, `"start_ns":2,"end_ns":1,"req`, 1), "journal j:3: trial 3 of X ends before it starts"},
		{session + strings.Replace(request, `"X"`, `""`, 1), "journal j:2: line names no cell"},
		{session + strings.Replace(request, `:3`, `:-3`, 1), "journal j:2: request of trial -3 of X: trials count from 1, warm-ups are 0"},
		{session + strings.Replace(request, `:3`, `:3,"events":{"kind":"tt","arrive_ns":[1]}`, 1), "journal j:2: events of request 0 of trial 3 of X: 1 instants, 2 kinds"},
		{session + end + request, "journal j:3: session 1 has ended"},
		{session + strings.Replace(end, "complete", "bored", 1), `journal j:2: end of session 1: unknown reason "bored"`},
	} {
		_, err := ReadLog(strings.NewReader(c.in), "j")
		assert.EqualError(t, err, c.want)
	}
	_, err := ReadLog(strings.NewReader(session+request+trial+end), "j")
	assert.NoError(t, err, "the pieces above are good as such")
}

func FuzzReadLog(f *testing.F) {
	path := filepath.Join(f.TempDir(), "j")
	writeSample(f, path)
	data, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(append(data[:len(data):len(data)], 0, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		log, err := ReadLog(bytes.NewReader(data), "j")
		if err != nil {
			return
		}
		n := len(log.Orphans())
		for _, cell := range log.Cells() {
			n += len(log.Warmups(cell))
			for _, trial := range log.Finished(cell) {
				n += len(trial.Requests)
				require.Len(t, trial.Requests, trial.Trial.Requests)
			}
		}
		require.Equal(t, len(log.Requests), n, "each request is a warm-up, counted, or an orphan")
	})
}

func BenchmarkReadLog(b *testing.B) {
	path := filepath.Join(b.TempDir(), "j")
	j, _ := mustOpen(b, path)
	mustBegin(b, j)
	for i := range 1000 {
		r := sampleRequest("Context/ctx=8192/users=1", 0, i, 64)
		require.NoError(b, j.Request(&r))
	}
	data, err := os.ReadFile(path)
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ReadLog(bytes.NewReader(data), "j"); err != nil {
			b.Fatal(err)
		}
	}
}
