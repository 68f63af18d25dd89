package stage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPause(t *testing.T) {
	cfg := Config{Name: Aidaptiv, Toggle: Manual}
	for name, c := range map[string]struct {
		in   string
		want Decision
		says string
	}{
		"enter":            {"\n", Continue, "Switch aiDAPTIV on"},
		"enter on windows": {"\r\n", Continue, "q and Enter to quit"},
		"q":                {"q\n", Quit, ""},
		"Q and blanks":     {" Quit \n", Quit, ""},
		"end of input":     {"", Quit, ""},
		"q without enter":  {"q", Quit, ""},
		"blanks at end":    {"  ", Quit, ""},
		"a word, enter":    {"yes\n\n", Continue, `Not understood: "yes"`},
		"a word, q":        {"yes\nno\nq\n", Quit, `Not understood: "no"`},
		"a word at end":    {"yes", Quit, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			got, err := Pause(t.Context(), strings.NewReader(c.in), &out, cfg, true)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.Contains(t, out.String(), c.says)
			assert.Contains(t, out.String(), "== stage aidaptiv ==")
		})
	}
}

func TestPauseSaysTheInstructions(t *testing.T) {
	var out bytes.Buffer
	_, err := Pause(t.Context(), strings.NewReader("\n"), &out, Config{Name: Baseline, Instructions: "pull the drive\n"}, true)
	require.NoError(t, err)
	assert.Equal(t, "\n== stage baseline ==\npull the drive\nPress Enter to go on, or q and Enter to quit and keep what was measured: ", out.String())
	out.Reset()
	_, err = Pause(t.Context(), strings.NewReader("\n"), &out, Config{Name: Baseline}, true)
	require.NoError(t, err)
	assert.Contains(t, out.String(), "Switch aiDAPTIV off")
}

// Two pauses on one input: the first leaves the second's answer alone.
func TestPauseTakesOneAnswer(t *testing.T) {
	in := strings.NewReader("\nq\n")
	for _, want := range []Decision{Continue, Quit} {
		got, err := Pause(t.Context(), in, io.Discard, Config{Name: Baseline}, true)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestPauseWithoutTerminal(t *testing.T) {
	got, err := Pause(t.Context(), failingReader{}, io.Discard, Config{Name: Aidaptiv}, false)
	assert.Equal(t, Quit, got)
	assert.ErrorContains(t, err, "-stage aidaptiv -run-id ID")
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, typed := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		interrupted := errors.New("interrupted")
		type result struct {
			d   Decision
			err error
		}
		ended := make(chan result)
		go func() {
			d, err := Pause(ctx, in, io.Discard, Config{Name: Baseline}, true)
			ended <- result{d, err}
		}()
		synctest.Wait() // it waits for an answer
		cancel(interrupted)
		r := <-ended
		assert.Equal(t, Quit, r.d)
		assert.ErrorIs(t, r.err, interrupted)
		typed.Close() // lets go of the read that was left behind
	})
}

func TestPauseReadError(t *testing.T) {
	got, err := Pause(t.Context(), failingReader{}, io.Discard, Config{Name: Baseline}, true)
	assert.Equal(t, Quit, got)
	assert.EqualError(t, err, "pause: input/output error")
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("input/output error") }
