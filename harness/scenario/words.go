package scenario

import (
	"slices"
	"strings"
)

// Instruction ends every built prompt: short, neutral, and such that a model which
// isn't pinned to a length goes on for long.
const Instruction = "\n\nWrite a long story:"

// classes are the filler words by length (4 to 7 letters), the most common first.
// Words this common are one token, with the space before them, in the vocabulary of
// any model of size; a [Builder] makes sure by counting.
var classes = [4][]string{
	strings.Fields("time year work life hand part city name line week game land book road door wall " +
		"food sand rain wind fish bird tree moon lake ship song gold snow leaf farm milk"),
	strings.Fields("water house world story night point money right paper light music table plant river " +
		"stone ocean cloud green white black small early train horse sound glass chair bread field beach metal dream"),
	strings.Fields("people family school system friend number letter winter summer garden forest animal " +
		"market bridge window silver simple bright planet island coffee dinner doctor artist engine travel valley " +
		"copper basket harbor ribbon velvet"),
	strings.Fields("history morning picture science weather village teacher kitchen machine country student " +
		"program company service project section quality natural special several nothing through between another " +
		"quickly measure account subject example general process central"),
}

// short pieces let a remainder be filled exactly where words are several tokens.
var short = strings.Fields("a I of to the and")

// firstOf takes the n most common words of each class.
func firstOf(n int) [len(classes)][]string {
	var out [len(classes)][]string
	for i, c := range classes {
		out[i] = c[:n]
	}
	return out
}

// quads orders words of the four length classes, as many of each, so that every four
// neighbours have one of each length: any run of the filler has the same make-up, and
// so the same tokens per byte, as the whole.
func quads[T any](rng *pcg, words [len(classes)][]T) []T {
	var out []T
	for i := range words {
		words[i] = slices.Clone(words[i])
		shuffle(rng, words[i])
	}
	order := []int{0, 1, 2, 3}
	for q := range words[0] {
		shuffle(rng, order)
		for _, i := range order {
			out = append(out, words[i][q])
		}
	}
	return out
}
