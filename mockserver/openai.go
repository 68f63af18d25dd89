package mockserver

import (
	"encoding/json"
	"strconv"
	"time"
)

// answer is what there is to say about a finished generation.
type answer struct {
	prompt, cached, output int
	finish                 string // finish_reason; empty: none is sent
	usage                  bool   // a usage block was asked for, or is always sent
	prefill, decode, total time.Duration
	memory                 int64 // B in use, modelled
}

// encoder builds the JSON of one answer in one dialect of one API. Slices it
// returns are valid until the next call.
type encoder interface {
	opening() []byte                                     // chunk with only the role; nil: the dialect has none
	delta(key, text, finish string, usage string) []byte // chunk with text under content, reasoning_content or reasoning
	closing(a answer) [][]byte                           // chunks after the last text
	whole(text, reasoning string, a answer) []byte       // everything at once, without streaming
	done() string                                        // what marks the end; empty: nothing
	finishWithText() bool                                // finish_reason rides on the last chunk with text
}

// openAI encodes /v1/completions and /v1/chat/completions.
type openAI struct {
	dialect string
	chat    bool
	zeros   bool   // Ollama: usage of zeros in each completions chunk
	head    string // JSON before "choices"
	tail    string // JSON after it
	object  string
	id      string // quoted, as is model
	model   string
	created string
	buf     []byte
	first   bool
}

const fingerprintLlama = "b6500-sim"

func newOpenAI(dialect string, chat bool, id, model string, usage bool) *openAI {
	e := &openAI{dialect: dialect, chat: chat, first: true, model: quote(model),
		created: strconv.FormatInt(time.Now().Unix(), 10)}
	e.object, e.id = "text_completion", quote("cmpl-"+id)
	if chat {
		e.object, e.id = "chat.completion.chunk", quote("chatcmpl-"+id)
	}
	e.zeros = usage && dialect == "ollama" && !chat
	e.head, e.tail = e.frame(e.object)
	return e
}

// frame gives the keys before and after choices in the order each server has
// them: nothing depends on it but a person who compares captures.
func (e *openAI) frame(object string) (head, tail string) {
	id, obj, created, model := `"id":`+e.id, `"object":"`+object+`"`, `"created":`+e.created, `"model":`+e.model
	switch {
	case e.dialect == "llamacpp":
		return `{`, `,` + created + `,` + id + `,` + model + `,"system_fingerprint":"` + fingerprintLlama + `",` + obj
	case e.dialect == "ollama" && e.chat:
		return `{` + id + `,` + obj + `,` + created + `,` + model + `,"system_fingerprint":"fp_ollama",`, ``
	case e.dialect == "ollama":
		return `{` + id + `,` + obj + `,` + created + `,`, `,` + model + `,"system_fingerprint":"fp_ollama"`
	}
	return `{` + id + `,` + obj + `,` + created + `,` + model + `,`, ``
}

func (e *openAI) done() string         { return "[DONE]" }
func (e *openAI) finishWithText() bool { return e.dialect == "vllm" }

func (e *openAI) opening() []byte {
	if !e.chat || e.dialect == "ollama" || e.dialect == "rockchip" {
		return nil
	}
	content := `""`
	if e.dialect == "llamacpp" {
		content = "null"
	}
	e.first = false
	return e.chunk(`"delta":{"role":"assistant","content":`+content+`}`, "", "")
}

func (e *openAI) delta(key, text, finish, usage string) []byte {
	e.buf = append(e.buf[:0], e.head...)
	e.buf = append(e.buf, `"choices":[{`...)
	if e.dialect == "llamacpp" {
		e.buf = appendFinish(e.buf, finish)
		e.buf = append(e.buf, `,"index":0,`...)
	} else if e.chat || e.dialect != "ollama" {
		e.buf = append(e.buf, `"index":0,`...)
	}
	switch {
	case !e.chat:
		e.buf = append(e.buf, `"text":`...)
		e.buf = appendString(e.buf, text)
		if e.dialect == "ollama" {
			e.buf = append(e.buf, `,"index":0`...)
		} else {
			e.buf = append(e.buf, `,"logprobs":null`...)
		}
	default:
		e.buf = append(e.buf, `"delta":{`...)
		if e.dialect == "ollama" {
			e.buf = append(e.buf, `"role":"assistant",`...)
		}
		e.buf = append(append(append(e.buf, '"'), key...), `":`...)
		e.buf = appendString(e.buf, text)
		e.buf = append(e.buf, '}')
		if e.dialect == "vllm" {
			e.buf = append(e.buf, `,"logprobs":null`...)
		}
	}
	return e.endChunk(finish, usage)
}

// chunk is one event with the given inside of its only choice.
func (e *openAI) chunk(inside, finish, usage string) []byte {
	e.buf = append(append(e.buf[:0], e.head...), `"choices":[{`...)
	if e.dialect == "llamacpp" {
		e.buf = append(appendFinish(e.buf, finish), `,"index":0,`...)
	} else {
		e.buf = append(e.buf, `"index":0,`...)
	}
	e.buf = append(e.buf, inside...)
	if e.dialect == "vllm" {
		e.buf = append(e.buf, `,"logprobs":null`...)
	}
	return e.endChunk(finish, usage)
}

func (e *openAI) endChunk(finish, usage string) []byte {
	if e.dialect != "llamacpp" {
		e.buf = append(e.buf, ',')
		e.buf = appendFinish(e.buf, finish)
	}
	if e.dialect == "vllm" && (finish != "" || !e.chat) {
		e.buf = append(e.buf, `,"stop_reason":null`...)
	}
	e.buf = append(e.buf, `}]`...)
	e.buf = append(e.buf, e.tail...)
	switch {
	case usage != "":
		e.buf = append(append(e.buf, `,"usage":`...), usage...)
	case e.zeros:
		e.buf = append(e.buf, `,"usage":`+zeroUsage...)
	case e.dialect == "rockchip":
		e.buf = append(e.buf, `,"usage":null`...)
	}
	return append(e.buf, '}')
}

const zeroUsage = `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`

func appendFinish(buf []byte, finish string) []byte {
	if finish == "" {
		return append(buf, `"finish_reason":null`...)
	}
	return append(append(append(buf, `"finish_reason":"`...), finish...), '"')
}

// closing sends the finish chunk where it has not gone with the text, then the
// usage in a trailing chunk without choices, as each server does.
func (e *openAI) closing(a answer) (out [][]byte) {
	add := func(b []byte) { out = append(out, append([]byte(nil), b...)) }
	u := ""
	if a.usage {
		u = e.usage(a)
	}
	empty := `"text":""`
	if e.chat {
		empty = `"delta":{}`
	}
	switch e.dialect {
	case "llamacpp":
		if a.finish != "" {
			inFinish := ""
			if !e.chat {
				inFinish, u = u, ""
			}
			b := e.chunk(empty, a.finish, inFinish)
			if u == "" {
				b = withKey(b, "timings", e.timings(a))
			}
			add(b)
		}
	case "ollama":
		if a.finish != "" {
			add(e.delta("content", "", a.finish, ""))
		}
	case "rockchip":
		if !e.chat {
			empty += `,"logprobs":null`
		}
		add(e.chunk(empty, a.finish, u))
		return out
	default:
		if a.output == 0 && a.finish != "" {
			add(e.delta("content", "", a.finish, ""))
		}
	}
	if u != "" {
		b := []byte(e.head + `"choices":[]` + e.tail + `,"usage":` + u + `}`)
		if e.dialect == "llamacpp" {
			b = withKey(b, "timings", e.timings(a))
		}
		add(b)
	}
	return out
}

func withKey(object []byte, key, value string) []byte {
	return []byte(string(object[:len(object)-1]) + `,"` + key + `":` + value + `}`)
}

// usage is the block with counts. Only some servers tell cached tokens.
func (e *openAI) usage(a answer) string {
	counts := `"prompt_tokens":` + strconv.Itoa(a.prompt) + `,"completion_tokens":` + strconv.Itoa(a.output) +
		`,"total_tokens":` + strconv.Itoa(a.prompt+a.output)
	switch e.dialect {
	case "ollama":
		return `{` + counts + `}`
	case "rockchip":
		return `{` + counts + rockchipUsage(a) + `}`
	}
	return `{` + counts + `,"prompt_tokens_details":{"cached_tokens":` + strconv.Itoa(a.cached) + `}}`
}

func (e *openAI) timings(a answer) string {
	fresh := a.prompt - a.cached
	t := map[string]any{
		"cache_n": a.cached, "prompt_n": fresh, "prompt_ms": ms(a.prefill),
		"prompt_per_token_ms": per(ms(a.prefill), float64(fresh)), "prompt_per_second": per(float64(fresh), a.prefill.Seconds()),
		"predicted_n": a.output, "predicted_ms": ms(a.decode),
		"predicted_per_token_ms": per(ms(a.decode), float64(a.output)), "predicted_per_second": per(float64(a.output), a.decode.Seconds()),
	}
	return string(marshal(t))
}

// whole is the answer without streaming.
func (e *openAI) whole(text, reasoning string, a answer) []byte {
	object := "text_completion"
	choice := map[string]any{"index": 0, "text": text, "logprobs": nil}
	if e.chat {
		object = "chat.completion"
		m := map[string]any{"role": "assistant", "content": text}
		if reasoning != "" {
			m["reasoning_content"] = reasoning
		}
		choice = map[string]any{"index": 0, "message": m}
	}
	choice["finish_reason"] = nil
	if a.finish != "" {
		choice["finish_reason"] = a.finish
	}
	head, tail := e.frame(object)
	b := []byte(head + `"choices":[` + string(marshal(choice)) + `]` + tail + `}`)
	if a.usage {
		b = withKey(b, "usage", e.usage(a))
	}
	if e.dialect == "llamacpp" {
		b = withKey(b, "timings", e.timings(a))
	}
	return b
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// per is a/b, and 0 where there is nothing to divide by, as these servers do.
func per(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("mockserver: " + err.Error()) // only our own literals get here
	}
	return b
}

func quote(s string) string { return string(appendString(nil, s)) }

// appendString appends s as a JSON string, UTF-8 left as it is: events are cut
// inside of characters only if the characters are there.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
