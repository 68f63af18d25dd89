package session_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"aibench/harness/client"
	"aibench/harness/engine"
	"aibench/harness/record"
	"aibench/harness/scenario"
	"aibench/harness/session"
	"aibench/mockserver"
)

// A sweep over four contexts against the mock engine, which is out of memory above
// 8192 tokens. Nothing is kept on disk.
func Example() {
	profile, err := mockserver.LoadProfile("fast")
	if err != nil {
		panic(err)
	}
	mock, err := mockserver.New(profile, mockserver.Options{Stage: "baseline"})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(mock)
	defer server.Close()

	ctx := context.Background()
	c := client.DefaultConfig()
	c.Endpoint = server.URL
	s, err := session.Open(ctx, session.Config{Stage: "baseline", Client: c, Engine: engine.Config{Endpoint: server.URL}})
	if err != nil {
		panic(err)
	}
	defer s.Close(record.EndComplete)

	for _, cell := range scenario.Sweep([]int{4096, 8192, 16384, 32768}, []int{1}, 0) {
		if reason, ended := s.Ended(cell); ended {
			fmt.Printf("%s: not run: %s\n", cell.SubName(), reason)
			continue
		}
		m, err := s.Trial(ctx, session.ContextWork(cell, 8))
		if err != nil {
			panic(err)
		}
		r := m.Requests[0]
		fmt.Printf("%s: %s, %d tokens in, %d out\n", cell.SubName(), r.Outcome, r.PromptTokens.Or(0), r.CompletionTokens.Or(0))
	}
	// Output:
	// ctx=4096/users=1: ok, 4096 tokens in, 8 out
	// ctx=8192/users=1: ok, 8192 tokens in, 8 out
	// ctx=16384/users=1: oom_gpu, 0 tokens in, 0 out
	// ctx=32768/users=1: not run: sweep ended at ctx=16384/users=1: oom_gpu
}
