package mockserver_test

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"strings"

	"aibench/mockserver"
)

// A tour: load a profile, ask the formula, serve it, and read a stream in real
// time.
func Example() {
	p, err := mockserver.LoadProfile("8b-on-16gb")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, stage := range []string{"baseline", "aidaptiv"} {
		for _, context := range []int{8192, 32768} {
			f := p.Predict(stage, context, 0, 64)
			fmt.Printf("%s %d: TTFT %.1f ms, TPOT %.2f ms, out of memory %t\n",
				stage, context, f.TTFT.Seconds()*1000, f.TPOT.Seconds()*1000, f.OOM)
		}
	}

	s, err := mockserver.New(p, mockserver.Options{Stage: "baseline"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	h := httptest.NewServer(s)
	defer h.Close()
	resp, err := h.Client().Post(h.URL+"/v1/completions", "application/json",
		strings.NewReader(`{"prompt": "to be or not", "max_tokens": 3, "stream": true}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Header.Get("Server"))
	events := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data: {") {
			events++
		}
	}
	fmt.Println(events, "events")
	// Output:
	// baseline 8192: TTFT 100.1 ms, TPOT 0.37 ms, out of memory false
	// baseline 32768: TTFT 0.0 ms, TPOT 0.00 ms, out of memory true
	// aidaptiv 8192: TTFT 102.8 ms, TPOT 0.38 ms, out of memory false
	// aidaptiv 32768: TTFT 453.2 ms, TPOT 4.36 ms, out of memory false
	// mockserver (simulated)
	// 3 events
}
