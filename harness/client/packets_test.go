package client

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBoundary(t *testing.T) {
	for n := 2; n <= 40; n++ {
		for first := 1; first < n; first++ {
			for guess := -1; guess <= n+1; guess++ {
				got := boundary(n, guess, func(m int) bool {
					assert.True(t, m > 1 && m < n, "%d of %d is known", m, n)
					return m <= first
				})
				assert.Equal(t, first, got, "n %d guess %d", n, guess)
			}
		}
	}
	looks := 0
	assert.Equal(t, 300, boundary(4096, 303, func(m int) bool { looks++; return m <= 300 }))
	assert.LessOrEqual(t, looks, 6, "a good guess saves looks: twelve without")
}

func TestAllowanceOfAWindow(t *testing.T) {
	var a allowance
	at := 7 * apartWindow
	for range apartMost {
		assert.True(t, a.spend(at))
	}
	assert.False(t, a.spend(at))
	assert.False(t, a.spend(at+apartWindow-1))
	assert.True(t, a.spend(at+apartWindow))
}
