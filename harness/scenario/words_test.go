package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for i, class := range classes {
		assert.Len(t, class, 32, "class %d", i)
		for _, w := range class {
			assert.Len(t, w, i+4, w)
			assert.False(t, seen[w], "%s stands twice", w)
			seen[w] = true
		}
	}
}
