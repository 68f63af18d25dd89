package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Decision is the answer to a pause.
type Decision string

// The decisions.
const (
	Continue Decision = "continue" // the stage is switched on: measure
	Quit     Decision = "quit"     // end here and keep what was measured
)

// Pause tells the person to switch the machine into the stage and waits for
// Enter; q, or the end of the input, quits. What was typed before counts for nothing
// (on Linux). Without a terminal (interactive
// false) nobody could answer: it refuses, naming the flags that continue the run
// later. When ctx ends it returns Quit and the cause at once; its read of in is
// then left behind and takes one more line, so in is not to be used afterwards.
func Pause(ctx context.Context, in io.Reader, out io.Writer, cfg Config, interactive bool) (Decision, error) {
	if !interactive {
		return Quit, fmt.Errorf("stage %s is switched by hand and there is no terminal to ask on: "+
			"run the other stage alone, switch, and continue with -stage %s -run-id ID", cfg.Name, cfg.Name)
	}
	if f, ok := in.(*os.File); ok {
		forgetTyped(f)
	}
	ask := "Press Enter to go on, or q and Enter to quit and keep what was measured: "
	if _, err := fmt.Fprintf(out, "\n== stage %s ==\n%s\n%s", cfg.Name, cfg.instructions(), ask); err != nil {
		return Quit, fmt.Errorf("pause: %w", err)
	}
	lines := make(chan answer)
	go readAnswers(ctx, in, lines)
	for {
		select {
		case <-ctx.Done():
			return Quit, fmt.Errorf("pause: %w", context.Cause(ctx))
		case a := <-lines:
			switch strings.ToLower(strings.TrimSpace(a.text)) {
			case "":
				if a.err == nil {
					return Continue, nil
				}
			case "q", "quit":
				return Quit, nil
			}
			if a.err != nil {
				return Quit, ignoreEOF(a.err)
			}
			fmt.Fprintf(out, "Not understood: %q. %s", strings.TrimSpace(a.text), ask)
		}
	}
}

func (c Config) instructions() string {
	switch {
	case c.Instructions != "":
		return strings.TrimRight(c.Instructions, "\n")
	case c.Name == Aidaptiv:
		return "Switch aiDAPTIV on, start the server with it, and wait until it answers."
	}
	return "Switch aiDAPTIV off, start the server without it, and wait until it answers."
}

type answer struct {
	text string
	err  error
}

// readAnswers reads lines a byte at a time: a buffered reader would take more
// than its line and leave the next pause without an answer typed ahead.
func readAnswers(ctx context.Context, in io.Reader, lines chan<- answer) {
	for {
		var a answer
		a.text, a.err = readLine(in)
		select {
		case lines <- a:
		case <-ctx.Done():
			return
		}
		if a.err != nil || understood(a.text) {
			return
		}
	}
}

func understood(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "q", "quit":
		return true
	}
	return false
}

func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for {
		n, err := in.Read(b[:])
		if n == 1 {
			if b[0] == '\n' {
				return string(line), nil
			}
			line = append(line, b[0])
		}
		if err != nil {
			return string(line), err
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("pause: %w", err)
}
