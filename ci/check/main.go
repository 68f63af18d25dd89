// Command check holds a measured run against what it must have come to. CI uses it on
// the demo and on the real engine.
//
//	go run ./ci/check RUN_DIR baseline:8192:ok:VALID 'baseline:32768:oom_gpu:*'
//
// Each expectation is STAGE:CTX:OUTCOME:VALIDITY: every counted request of the cell
// has that outcome, and the cell that validity ("*": any). Exit status 1 names each that
// is not met.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("want RUN_DIR and at least one STAGE:CTX:OUTCOME:VALIDITY")
	}
	var errs []error
	for _, e := range args[1:] {
		if err := expect(args[0], e); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e, err))
			continue
		}
		fmt.Println("check:", e, "holds")
	}
	return errors.Join(errs...)
}

func expect(dir, expectation string) error {
	part := strings.Split(expectation, ":")
	if len(part) != 4 {
		return errors.New("want STAGE:CTX:OUTCOME:VALIDITY")
	}
	ctx, err := strconv.Atoi(part[1])
	if err != nil {
		return fmt.Errorf("context: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "results_"+part[0]+".json"))
	if err != nil {
		return err
	}
	var r struct {
		Cells []struct {
			Ctx      int
			Outcomes map[string]int
			Validity string
			Reasons  []string
		}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	for _, c := range r.Cells {
		if c.Ctx != ctx {
			continue
		}
		if len(c.Outcomes) != 1 || c.Outcomes[part[2]] == 0 {
			return fmt.Errorf("outcomes are %v", c.Outcomes)
		}
		if part[3] != "*" && c.Validity != part[3] {
			return fmt.Errorf("validity is %s %v", c.Validity, c.Reasons)
		}
		return nil
	}
	return errors.New("no such cell")
}
