package stage_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"aibench/harness/stage"
)

// The stages of a run whose second one is switched by hand, as a person at a
// terminal sees it who presses Enter.
func Example() {
	names, err := stage.PlanStages("all")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stages:", names)

	server, err := stage.Expand([]string{"serve", "--port", "{port}"}, map[string]string{"port": "8001"})
	fmt.Println("command:", server, err)

	cfg := stage.DefaultConfig()
	cfg.Name = stage.Aidaptiv
	var terminal bytes.Buffer
	decision, err := stage.Pause(context.Background(), strings.NewReader("\n"), &terminal, cfg, true)
	fmt.Println(strings.TrimSpace(terminal.String()))
	fmt.Println("decision:", decision, err)
	// Output:
	// stages: [baseline aidaptiv]
	// command: [serve --port 8001] <nil>
	// == stage aidaptiv ==
	// Switch aiDAPTIV on, start the server with it, and wait until it answers.
	// Press Enter to go on, or q and Enter to quit and keep what was measured:
	// decision: continue <nil>
}
