package record

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, WriteFile(path, saying(string(got))))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "go test -update writes %s anew", path)
}

// csvLog has a warm-up, two counted requests, an orphan, and one that says nothing but
// that the server ran out of memory.
func csvLog() *Log {
	ok := sampleRequest("Context/ctx=1024/users=1", 1, 0, 3)
	warm := ok
	warm.Trial = 0
	reasoning := sampleRequest("Context/ctx=1024/users=1", 2, 0, 4)
	reasoning.Answer, reasoning.CachedTokens = Opt[int64]{}, Opt[int]{}
	reasoning.ServerPrefill = Some[int64](90_000_000)
	failed := Request{Type: typeRequest, Session: 2, Cell: "Context/ctx=1024/users=1", Trial: 2, PromptWanted: 1024,
		Start: Some[int64](5), End: Some[int64](900), Status: 500, Outcome: OOMGPU,
		Failure: &Failure{FailHTTP, "x"}, Evidence: "=CUDA error: out of memory,\n\"device 0\""}
	return &Log{
		Requests: []Request{warm, ok, reasoning, failed},
		Trials:   []Trial{{Session: 1, Cell: ok.Cell, Trial: 1, Requests: 1}, {Session: 2, Cell: ok.Cell, Trial: 2, Requests: 1}},
	}
}

func TestRequestsCSV(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteRequestsCSV(&b, "baseline", csvLog()))
	golden(t, "requests.csv", b.Bytes())

	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for _, name := range strings.Fields(`request cell trial intended_ns start_ns wrote_ns ttft_ns ttfa_ns e2e_ns tpot_ns
		prompt_tokens completion_tokens cached_tokens token_source stamp outcome evidence`) {
		assert.Contains(t, at, name)
	}
	column := func(name string) (cells []string) {
		for _, row := range rows[1:] {
			cells = append(cells, row[at[name]])
		}
		return cells
	}
	assert.Equal(t, []string{"warmup", "yes", "unfinished", "yes"}, column("counted"))
	assert.Equal(t, []string{"100000000", "100000000", "100000000", ""}, column("ttft_ns"), "absent is empty")
	assert.Equal(t, []string{"100000000", "100000000", "", ""}, column("ttfa_ns"))
	assert.Equal(t, []string{"0", "0", "", ""}, column("cached_tokens"), "0 is a value")
	assert.Equal(t, []string{"1000000", "1000000", "1000000", ""}, column("tpot_ns"))
	assert.Equal(t, "'=CUDA error: out of memory,\n\"device 0\"", column("evidence")[3])
}

func TestCSVText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\n=x": "'\n=x", "\r=x": "'\r=x", "'x": "'x",
	} {
		assert.Equal(t, want, text(in))
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk gone") }

func TestRequestsCSVWriteError(t *testing.T) {
	assert.EqualError(t, WriteRequestsCSV(failingWriter{}, "baseline", csvLog()), "disk gone")
}
