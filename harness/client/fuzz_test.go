package client

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"aibench/harness/record"
)

// outcome is what a stream came to, without its instants.
type outcome struct {
	kinds, text, finish string
	terminated          bool
	failure             record.Failure
	counts              counts
	prompt, completion  record.Opt[int]
	source              string
}

// decode runs a stream through a decoder in pieces: sizes gives their lengths, over
// and over; empty means one piece.
func decode(f framing, stream, sizes []byte, limit int, strict bool) outcome {
	r := &record.Request{}
	t := newTally(r, 8, true, strings.Clone)
	t.strict = strict
	d := decoder{framing: f, tally: t, lines: lines{limit: limit}}
	var at int64
	for i := 0; len(stream) > 0 && !t.over; i++ {
		n := len(stream)
		if len(sizes) > 0 {
			n = min(n, 1+int(sizes[i%len(sizes)]))
		}
		room := d.lines.room()
		n = copy(room, stream[:min(n, len(room))])
		d.lines.filled(n)
		stream = stream[n:]
		at++
		d.drain(at)
	}
	d.finish(at, false)
	t.fill()
	for i, a := range r.Events.Arrive {
		if a > at || i > 0 && a < r.Events.Arrive[i-1] {
			panic("instants not in order")
		}
	}
	o := outcome{r.Events.Kind, r.Text, r.FinishReason, r.Terminated, record.Failure{}, t.counts, r.PromptTokens, r.CompletionTokens, r.TokenSource}
	if r.Failure != nil {
		o.failure = *r.Failure
	}
	return o
}

func addSeeds(f *testing.F, add func(stream []byte)) {
	files, err := filepath.Glob("testdata/*.sse")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		add(data)
		add(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
	}
	for _, c := range benchChunks {
		add(benchStream(c.format, 3))
	}
	for _, s := range []string{
		join(role(), text("Grüße"), finish("stop"), usage(1, 2), doneLine),
		": x\r\revent: error\rdata: a\rdata: b\r\r",
		"data: {\"choices\":\ndata: [{\"text\":\"a\\ud83d\\ude00\"}]}\nid: 1\n\ndata:{\"error\":\"x\"}",
		"data: {\"choices\":\r\ndata: [{\"text\":\"a\"}]}\r\n\r\ndata: [DONE]\r\n\r\n",
		"\xef\xbb\xbfdata\n\ndata: \n\n{\"error\":{\"code\":1}}\n",
		`{"choices":[{"message":{"content":[{"type":"text","text":"a"}],"reasoning_content":"b"}}]}`,
		"{\"response\":\"a\",\"created_at\":\"1\"}\n{\"response\":\"b\",\"created_at\":\"2\"}\r\n\n{\"done\":true",
	} {
		add([]byte(s))
	}
}

// FuzzSSE: a stream means the same however it was split.
func FuzzSSE(f *testing.F) {
	addSeeds(f, func(s []byte) {
		f.Add(s, []byte{0})
		f.Add(s, []byte{6, 0, 40})
	})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		for _, fr := range []framing{sse, sniff} {
			want := decode(fr, stream, nil, 300, false)
			require.Equal(t, want, decode(fr, stream, sizes, 300, false))
			require.Equal(t, want, decode(fr, stream, []byte{0}, 300, false))
		}
	})
}

// FuzzNDJSON: the same for Ollama's lines.
func FuzzNDJSON(f *testing.F) {
	addSeeds(f, func(s []byte) {
		s = bytes.ReplaceAll(s, []byte("data: "), nil)
		f.Add(s, []byte{0})
		f.Add(s, []byte{6, 0, 40})
	})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		want := decode(ndjson, stream, nil, 300, false)
		require.Equal(t, want, decode(ndjson, stream, sizes, 300, false))
		require.Equal(t, want, decode(ndjson, stream, []byte{0}, 300, false))
	})
}

// FuzzFastPath: what the template lets pass means what a full parse finds. The
// second event is the first with other bytes put in somewhere, which is what comes
// nearest to fooling a template.
func FuzzFastPath(f *testing.F) {
	addSeeds(f, func(s []byte) {
		for line := range bytes.Lines(s) {
			line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("data: ")))
			f.Add(line, []byte(" b"), uint16(bytes.LastIndexByte(line, ':')), uint8(0))
			f.Add(line, []byte(`\n`), uint16(bytes.Index(line, []byte(`tent":"`))+7), uint8(2))
		}
	})
	f.Fuzz(func(t *testing.T, first, put []byte, at uint16, drop uint8) {
		i := min(int(at), len(first))
		j := min(i+int(drop), len(first))
		second := bytes.Join([][]byte{first[:i], put, first[j:]}, nil)
		stream := bytes.Join([][]byte{first, second, first, second, second}, []byte("\n"))
		require.Equal(t, decode(ndjson, stream, nil, lineLimit, true), decode(ndjson, stream, nil, lineLimit, false))
		stream = append([]byte("data: "), bytes.Join([][]byte{first, second, first, second, second}, []byte("\n\ndata: "))...)
		require.Equal(t, decode(sse, stream, nil, lineLimit, true), decode(sse, stream, nil, lineLimit, false))
	})
}

// FuzzScan: the scanner passes what encoding/json passes, and reads strings alike.
func FuzzScan(f *testing.F) {
	addSeeds(f, func(s []byte) {
		for line := range bytes.Lines(s) {
			f.Add(bytes.TrimSpace(bytes.TrimPrefix(line, []byte("data: "))))
		}
	})
	for _, s := range []string{`-0.5e+3`, `[1,2,{"a":null}]`, `"\ud83d\ude00\ud83d\u0041\n"`, `01`, `[,]`, `{"a"}`, `tru`, `1.`, "\"\x01\"", `"\u00e"`, ``, `1e`, `[1 2]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scan{b: data}
		s.skip()
		require.Equal(t, json.Valid(data), s.ended(), "%q", data)
		var want string
		if s.bad || !utf8.Valid(data) || json.Unmarshal(data, &want) != nil || bytes.HasPrefix(bytes.TrimSpace(data), []byte("null")) {
			return
		}
		text := bytes.TrimSpace(data)
		require.Equal(t, want, string(unescape(nil, text[1:len(text)-1])))
	})
}

// TestTemplateIsNotFooled holds pairs that differ in a place or a way that matters.
func TestTemplateIsNotFooled(t *testing.T) {
	const first = `{"created_at":"1","choices":[{"delta":{"content":"a"},"finish_reason":null}]}`
	for _, second := range []string{
		`{"created_at":"1","choices":[{"delta":{"content":"b"},"finish_reason":"ab"}]}`,
		`{"created_at":"1","choices":[{"delta":{"content":""},"finish_reason":null}]}`,
		`{"created_at":"1","choices":[{"delta":{"context":"b"},"finish_reason":null}]}`,
		`{"created_it":"1","choices":[{"delta":{"content":"b"},"finish_reason":null}]}`,
		`{"created_at":"1","choices":[{"delta":{"content":"b\x"},"finish_reason":null}]}`,
		`{"created_at":"1\","choices":[{"delta":{"content":"b"},"finish_reason":null}]}`,
		`{"created_at":"1","choices":[{"delta":{"content":"b"},"finish_reason":null}]`,
		`{"created_at":"1","choices":[{"delta":{"content":"b"},"finish_reason":null}]}}`,
		"{\"created_at\":\"1\",\"choices\":[{\"delta\":{\"content\":\"b\x01\"},\"finish_reason\":null}]}",
	} {
		tally := newTally(&record.Request{}, 8, true, strings.Clone)
		tally.event([]byte(first), 1, false)
		_, ok := tally.shape.match([]byte(second))
		assert.False(t, ok, second)
	}
}

// TestFastPathIsTaken: without it FuzzFastPath would prove nothing.
func TestFastPathIsTaken(t *testing.T) {
	for name, c := range benchChunks {
		t.Run(name, func(t *testing.T) {
			events := bytes.SplitAfter(bytes.TrimSpace(benchStream(c.format, 2)), []byte("\n"))
			first := bytes.TrimPrefix(bytes.TrimSpace(events[0]), []byte("data: "))
			second := bytes.TrimPrefix(bytes.TrimSpace(events[len(events)-1]), []byte("data: "))
			tally := newTally(&record.Request{}, 8, true, strings.Clone)
			tally.event(first, 1, false)
			_, ok := tally.shape.match(second)
			assert.Equal(t, name != "vllm_usage", ok, "changing counts need a full parse")
		})
	}
}

// TestParsingDoesNotAllocate holds the strict way and the fast one.
func TestParsingDoesNotAllocate(t *testing.T) {
	for name, c := range benchChunks {
		for _, strict := range []bool{false, true} {
			r := &record.Request{}
			tally := newTally(r, 4096, true, strings.Clone)
			tally.strict = strict
			stream := benchStream(c.format, 2)
			d := decoder{framing: c.framing, tally: tally, lines: lines{limit: lineLimit}}
			allocs := testing.AllocsPerRun(100, func() {
				d.lines.buf, d.lines.head, d.lines.seen = stream, 0, 0
				d.drain(1)
			})
			assert.Zero(t, allocs, "%s strict=%v", name, strict)
			assert.Equal(t, 202, len(tally.kinds), name)
		}
	}
}
