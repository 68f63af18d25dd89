package config_test

import (
	"flag"
	"fmt"

	"aibench/harness/config"
)

// A command gets its whole configuration with one call; mistakes say where they
// are and what was expected.
func Example() {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	environment := func(name string) (string, bool) { return "http://127.0.0.1:8000/v1", name == "AIBENCH_ENDPOINT" }
	c, err := config.FromArgs(fs, []string{"-context-end", "8192", "-users", "1,4"}, environment)
	fmt.Println(c.Endpoint, c.ContextList(), c.Users, c.Timeout, err)

	_, err = config.Parse("own.yaml", []byte("trials: many\nendpiont: http://127.0.0.1:8000/v1\napi_key: sk-1\n"))
	fmt.Println(config.Explain(err))

	// Output:
	// http://127.0.0.1:8000/v1 [1024 2048 4096 8192] [1 4] 10m0s <nil>
	// own.yaml:1:9: expected an integer, got "many"
	// own.yaml:2:1: unknown key "endpiont" (did you mean "endpoint"?)
	// own.yaml:3:1: "api_key": a key itself is never part of the configuration
	//   hint: put the key into an environment variable and give its NAME as api_key_env
}
