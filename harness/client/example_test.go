package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"aibench/harness/client"
	"aibench/harness/record"
)

// One request to a server that streams two tokens after a role.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, data := range []string{
			`{"choices":[{"delta":{"role":"assistant","content":""}}]}`,
			`{"choices":[{"delta":{"content":"Hello"}}]}`,
			`{"choices":[{"delta":{"content":" there"}}]}`,
			`{"choices":[{"delta":{},"finish_reason":"stop"}]}`,
			`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}`,
			`[DONE]`,
		} {
			_, _ = io.WriteString(w, "data: "+data+"\n\n")
		}
	}))
	defer server.Close()

	cfg := client.DefaultConfig()
	cfg.Endpoint, cfg.API, cfg.Model = server.URL+"/v1", client.Chat, "some-model"
	c, err := client.New(cfg, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	r := record.Request{Cell: "BenchmarkContext/ctx=9/users=1", Trial: 1}
	c.Do(context.Background(), client.Ask{Prompt: "Say hello.", MaxTokens: 2}, &r)

	start, _ := r.Start.Get()
	first, _ := r.First.Get()
	tokens, _ := r.CompletionTokens.Get()
	fmt.Printf("%q, finish %q, status %d\n", r.Text, r.FinishReason, r.Status)
	fmt.Printf("events %s, %d tokens by %s\n", r.Events.Kind, tokens, r.TokenSource)
	fmt.Println("failure:", r.Failure, "ttft positive:", first > start)
	// Output:
	// "Hello there", finish "stop", status 200
	// events ettfu, 2 tokens by server
	// failure: <nil> ttft positive: true
}
