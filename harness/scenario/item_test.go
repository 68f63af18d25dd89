package scenario

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseItems(t *testing.T) {
	want := []Item{
		{ID: "tide", Name: "Tides", Category: "science", Prompt: "Why are there tides?\n", MaxTokens: 200},
		{ID: "sea", Name: "sea", Prompt: "Tell of the sea: 'wide'."},
	}
	for name, text := range map[string]string{
		"list": "- id: tide\n  name: Tides\n  category: science\n  prompt: |\n    Why are there tides?\n  max_tokens: 200\n" +
			"- {id: sea, prompt: \"Tell of the sea: 'wide'.\"}\n",
		"key": "# mine\nprompts:\n  - id: tide\n    name: Tides\n    category: science\n    prompt: |\n      Why are there tides?\n" +
			"    max_tokens: 200\n  - id: sea\n    prompt: \"Tell of the sea: 'wide'.\"\n",
		"json": "{\"prompts\": [\n\t{\"id\": \"tide\", \"name\": \"Tides\", \"category\": \"science\",\n" +
			"\t \"prompt\": \"Why are there tides?\\n\", \"max_tokens\": 200},\n" +
			"\t{\"id\": \"sea\", \"prompt\": \"Tell of the sea: 'wide'.\"}\n]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseItems("p", []byte(text))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestParseItemsErrors(t *testing.T) {
	for _, c := range []struct{ name, text, err string }{
		{"unknown key", "- id: a\n  prompt: x\n  tokens: 3\n", `p.yaml:3:3: unknown key "tokens": expected id, name, category, prompt or max_tokens`},
		{"unknown top key", "prompts:\n  - {id: a, prompt: x}\nsuite: b\n", `p.yaml:3:1: unknown key "suite": expected prompts alone`},
		{"other top key", "suite:\n  - id: a\n", "p.yaml:1:6: expected a list of prompts, or the key prompts with one"},
		{"number as text", "- id: a\n  prompt: 12\n", "p.yaml:2:11: prompt: expected text, found integer\np.yaml:2:11: a prompt has no text (key prompt)"},
		{"text as number", "- id: a\n  prompt: x\n  max_tokens: many\n", "p.yaml:3:15: max_tokens: expected a whole number, found string"},
		{"fraction", "- {id: a, prompt: x, max_tokens: 1.5}\n", "p.yaml:1:34: max_tokens: expected a whole number, found float"},
		{"negative", "- id: a\n  prompt: x\n  max_tokens: -1\n", "p.yaml:3:15: max_tokens -1: expected 0 (the run's own limit) or more"},
		{"two of an id", "- {id: a, prompt: x}\n- {id: a, prompt: y}\n", "p.yaml:2:8: id a was already used in line 1"},
		{"bad id", "- id: Big One\n  prompt: x\n", `p.yaml:1:7: id "Big One": expected lower-case letters, digits and _ only`},
		{"no id", "- prompt: x\n", "p.yaml:1:9: a prompt has no id"},
		{"no prompt", "- id: a\n", "p.yaml:1:5: a prompt has no text (key prompt)"},
		{"empty list", "[]\n", "p.yaml:1:1: the list of prompts is empty"},
		{"a text", "hello\n", "p.yaml:1:1: expected a list of prompts"},
		{"list of texts", "- hello\n", "p.yaml:1:3: expected a prompt with the keys id, name, category, prompt, max_tokens"},
		{"null prompt", "- id: a\n  prompt:\n", "p.yaml:2:11: prompt: expected text, found null\np.yaml:2:11: a prompt has no text (key prompt)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseItems("p.yaml", []byte(c.text))
			require.EqualError(t, err, c.err)
		})
	}
	for _, text := range []string{"", "# only a comment\n", "---\n---\n", "- id: a\n  id: b\n  prompt: x\n", "- [\n", "a: b: c\n", "\x00"} {
		_, err := ParseItems("p.yaml", []byte(text))
		require.Error(t, err, text)
		require.Regexp(t, `^p\.yaml:\d+:\d+: `, err.Error())
	}
}

func TestLoadItems(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	require.NoError(t, os.WriteFile(path, []byte("- {id: a, prompt: x}\n"), 0o644))
	items, err := LoadItems(path)
	require.NoError(t, err)
	require.Equal(t, []Item{{ID: "a", Name: "a", Prompt: "x"}}, items)
	_, err = LoadItems(path + ".gone")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Whatever the file holds, it is items that are complete or an error with a place.
func FuzzParseItems(f *testing.F) {
	for _, s := range []string{
		"- {id: a, prompt: x}", "prompts:\n- id: a\n  prompt: |\n    x\n  max_tokens: 0x10\n", "{\"prompts\":[{}]}",
		"- &a {id: a, prompt: x}\n- *a\n", "a", "- id: ~\n", "- <<: {id: a}\n", "[[]]", "- id: !!binary aa\n", "? a\n: b",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := ParseItems("p", data)
		if err != nil {
			require.Nil(t, items)
			return
		}
		require.NotEmpty(t, items)
		for _, it := range items {
			require.Regexp(t, idForm, it.ID)
			require.NotEmpty(t, it.Prompt)
			require.GreaterOrEqual(t, it.MaxTokens, 0)
		}
	})
}

// The built-in set is a prompt file like a user's.
func TestBuiltInItems(t *testing.T) {
	items, err := LoadItems("../../fixtures/prompts/performance.yaml")
	require.NoError(t, err)
	require.Len(t, items, 5)
	for _, it := range items {
		assert.NotEmpty(t, it.Name)
		assert.NotEmpty(t, it.Category)
	}
}
