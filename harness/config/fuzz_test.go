package config_test

import (
	"bytes"
	"testing"

	"aibench/harness/config"

	"github.com/stretchr/testify/require"
)

// Whatever the file: no panic; every error has a place within it; and what is
// accepted survives being written and read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "trials: 3\n", "users: [1, 4]\nseed: 0\n", "- a\n", "a: [\n", "model: \"\\u00e9\\x41\"\n", "model: |\n  a\n  b\n", "? a\n: b\n",
		"trials: !!int 3\n", "%YAML 1.2\n---\ntrials: 1\n", "temperature: null\ntop_p: 0.5\n", "stages: {baseline: {toggle: external}}\n",
		process + "    env: {A: b}\n", "model: 'it''s'\n", "<<: *a\n", "a: &a\n", "contexts:\n- 1\n- 2\n", "rates: [0.5, 2]\n", "rates: [1e3]\n", "rates: [.inf]\n", "timeout: 1h2m3.5s\n", "model: >-\n  x\n\n  y\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("f", data)
		if err != nil {
			require.ErrorIs(t, err, config.ErrUsage)
			lines := bytes.Split(data, []byte("\n"))
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				e := e.(*config.Error)
				require.Positive(t, e.Column, e)
				require.True(t, e.Line >= 1 && e.Line <= len(lines)+1, "%v in %d lines", e, len(lines))
			}
			return
		}
		y, err := c.YAML()
		require.NoError(t, err)
		again, err := config.Parse("again", y)
		require.NoError(t, err, "%s", y)
		require.Equal(t, c, again, "%s", y)
	})
}
