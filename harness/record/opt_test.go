package record

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOptJSON(t *testing.T) {
	type all struct {
		I Opt[int]     `json:"i,omitzero"`
		N Opt[int64]   `json:"n"`
		F Opt[float64] `json:"f,omitzero"`
		B Opt[bool]    `json:"b,omitzero"`
	}
	for text, v := range map[string]all{
		`{"n":null}`:                    {},
		`{"i":0,"n":0,"f":0,"b":false}`: {Some(0), Some[int64](0), Some(0.0), Some(false)},
		`{"i":-1,"n":-9223372036854775808,"f":0.125,"b":true}`: {Some(-1), Some[int64](-1 << 63), Some(0.125), Some(true)},
	} {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, text, string(b))
		back := all{I: Some(7)} // must be overwritten or stay only where not named
		if v.I.Has() {
			require.NoError(t, json.Unmarshal(b, &back))
			assert.Equal(t, v, back)
		}
	}
	o := Some(7)
	require.NoError(t, json.Unmarshal([]byte("null"), &o))
	assert.False(t, o.Has(), "null is absent")
	o = Some(7)
	assert.Error(t, json.Unmarshal([]byte(`"7"`), &o))
	assert.False(t, o.Has(), "what can't be read is absent")
}

func TestOptAccess(t *testing.T) {
	var none Opt[int]
	assert.Equal(t, 5, none.Or(5))
	assert.Equal(t, 0, Some(0).Or(5))
	_, ok := none.Get()
	assert.False(t, ok)
	assert.True(t, Some(0).Has())
}
