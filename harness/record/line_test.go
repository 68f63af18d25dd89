package record

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// roundTrip encodes v as a line and decodes it.
func roundTrip(t *testing.T, v any) any {
	t.Helper()
	var e encoder
	line, err := e.line(v)
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(line, []byte("\n")), "a line has one newline, at its end: %q", line)
	back, err := decode(bytes.TrimSuffix(line, []byte("\n")))
	require.NoError(t, err)
	return back
}

func TestLineIdentity(t *testing.T) {
	for _, v := range []any{
		&Session{Type: typeSession, Session: 3, Schema: SchemaVersion, Stage: "baseline", Epoch: epoch, PID: 12, Version: "v1", Engine: "e", Model: "m"},
		&Trial{Type: typeTrial, Session: 1, Cell: "Context/ctx=8192/users=1", Trial: 2, Start: 1, End: 2, Procs: 2, Requests: 1},
		&Capacity{Type: typeCapacity, Session: 1, Cell: "c", Search: 2, Procs: 2, SLO: "ttft=2s", MaxOK: Some(4), Confidence: 0.95,
			Requests: 80, Steps: []CapacityStep{{Load: 4, Verdict: "pass", Requests: 80, Reason: "r"}}, Warnings: []string{"w"}},
		&NotRun{Type: typeNotRun, Session: 1, Cell: "c", Reason: "a < b & \"c\"\n"},
		&Note{Type: typeNote, Session: 1, Text: "t"},
		&End{Type: typeEnd, Session: 1, Reason: EndServerDead, Detail: "exit status 137"},
	} {
		assert.Equal(t, v, roundTrip(t, v))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		r := randomRequest(rng)
		require.Equal(t, &r, roundTrip(t, &r))
	}
}

func TestLineInvalidUTF8(t *testing.T) {
	back := roundTrip(t, &Request{Type: typeRequest, Cell: "c", Evidence: "cut \xe6\x97"}).(*Request)
	assert.Equal(t, "cut \ufffd\ufffd", back.Evidence)
}

func FuzzDecode(f *testing.F) {
	r := sampleRequest("c", 1, 0, 3)
	var e encoder
	line, err := e.line(&r)
	require.NoError(f, err)
	f.Add(bytes.Clone(bytes.TrimSuffix(line, []byte("\n"))))
	for _, s := range []string{
		`{"type":"session","session":1,"schema":1,"stage":"b","epoch":"2026-11-21T09:30:00.5+02:00"}`,
		`{"cell":"x","type":"trial"}`, `{"type":"note","text":"\ud800"}`, `{"type":"request","failure":{"kind":"dial"},"start_ns":null}`,
		`{"type":"tri\u0061l"}`, `{"type":"`, `[]`, `{"type":"end"} x`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		v, err := decode(line)
		if err != nil {
			return
		}
		// Two spellings of one value differ in nothing that a time or an empty
		// list means, so the text of the second encoding is compared.
		var e encoder
		once, err := e.line(v)
		if err != nil {
			return // a year beyond 9999
		}
		once = bytes.Clone(once)
		w, err := decode(bytes.TrimSuffix(once, []byte("\n")))
		require.NoError(t, err)
		require.Equal(t, reflect.TypeOf(v), reflect.TypeOf(w))
		twice, err := e.line(w)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}

func TestDecodeErrors(t *testing.T) {
	for line, want := range map[string]string{
		"":                             "empty line",
		"  ":                           "empty line",
		"{}":                           `unknown line type ""`,
		`{"type":"trail"}`:             `unknown line type "trail"`,
		`{"type":"trial"} {}`:          "invalid character '{' after top-level value",
		`{"type":"trial","trial":`:     "unexpected end of JSON input",
		`{"type":"trial","trial":"1"}`: "json: cannot unmarshal string into Go struct field Trial.trial of type int",
		"\x00\x00":                     `invalid character '\x00' looking for beginning of value`,
	} {
		_, err := decode([]byte(line))
		assert.EqualError(t, err, want, "%q", line)
	}
}

func TestLineTypeAnywhere(t *testing.T) {
	for _, line := range []string{`{"type":"trial"}`, `{ "type" : "trial" }`, `{"cell":"{\"type\":\"note\"}","type":"trial"}`, `{"type":"tri\u0061l"}`} {
		kind, err := lineType([]byte(line))
		require.NoError(t, err)
		assert.Equal(t, "trial", kind, line)
	}
}

// lines reads all lines and the torn rest of r.
func lines(r io.Reader, max int) (whole []string, torn string, err error) {
	s := lineReader{r: r, max: max}
	for {
		line, err := s.next()
		if err == io.EOF {
			return whole, string(line), nil
		}
		if err != nil {
			return whole, "", err
		}
		whole = append(whole, string(line))
	}
}

func TestLineReader(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	for _, in := range []string{"", "a", "a\n", "\n\n", "a\nb", long, long + "\n" + long, "a\n" + long + "\nb\n\n" + long + "\nc"} {
		parts := strings.Split(in, "\n")
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(in), "half": iotest.HalfReader(strings.NewReader(in)),
			"data with EOF": iotest.DataErrReader(strings.NewReader(in)),
		} {
			whole, torn, err := lines(r, 1<<20)
			require.NoError(t, err)
			require.Equal(t, parts[:len(parts)-1], append([]string{}, whole...), name)
			require.Equal(t, parts[len(parts)-1], torn, name)
		}
	}
	whole, _, err := lines(iotest.OneByteReader(strings.NewReader("ab\nc\n")), 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"ab", "c"}, whole)
}

func TestLineReaderLimit(t *testing.T) {
	_, _, err := lines(strings.NewReader("a\n"+strings.Repeat("x", 200<<10)), 100<<10)
	assert.EqualError(t, err, "line is longer than 102400 bytes")
	_, _, err = lines(iotest.ErrReader(io.ErrClosedPipe), 10)
	assert.ErrorIs(t, err, io.ErrClosedPipe)
}

// TestLongLine has a request of 100,000 events, which is no longer than people's
// streams get, through the journal's reader.
func TestLongLine(t *testing.T) {
	r := sampleRequest("c", 0, 0, 100_000)
	var e encoder
	line, err := e.line(&r)
	require.NoError(t, err)
	require.Greater(t, len(line), 1<<20)
	s, err := json.Marshal(Session{Type: typeSession, Session: 1, Schema: SchemaVersion, Stage: "b"})
	require.NoError(t, err)
	log, err := ReadLog(io.MultiReader(bytes.NewReader(s), strings.NewReader("\n"), bytes.NewReader(line)), "j")
	require.NoError(t, err)
	require.Equal(t, []Request{r}, log.Requests)
}
