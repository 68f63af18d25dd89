// Command mockserver serves the simulated inference engine of package
// mockserver. mockserver -list names its profiles, dialects and faults.
package main

import (
	"context"
	"os"

	"aibench/mockserver"
)

func main() {
	os.Exit(mockserver.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
