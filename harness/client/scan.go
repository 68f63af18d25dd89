package client

import (
	"math"
	"strconv"
)

// maxDepth is encoding/json's limit of nesting.
const maxDepth = 10000

// scan walks strict JSON in place, without allocation: what encoding/json calls
// valid is what it passes, nothing else. An error sets bad and ends all walks.
type scan struct {
	b     []byte
	i     int
	depth int
	bad   bool
}

// peek skips white space and gives the next byte; 0 at the end, which is no JSON.
func (s *scan) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scan) fail() { s.bad, s.i = true, len(s.b) }

// ended tells whether the text was good and nothing follows.
func (s *scan) ended() bool { return s.peek() == 0 && s.i == len(s.b) && !s.bad }

func (s *scan) open() {
	s.i++
	if s.depth++; s.depth > maxDepth {
		s.fail()
	}
}

func (s *scan) close() {
	s.i++
	s.depth--
}

// firstKey enters the object at hand and gives its first key, as it stands there.
func (s *scan) firstKey() ([]byte, bool) {
	s.open()
	if s.peek() == '}' {
		s.close()
		return nil, false
	}
	return s.key()
}

// nextKey gives the following key, or leaves the object.
func (s *scan) nextKey() ([]byte, bool) {
	switch s.peek() {
	case ',':
		s.i++
		return s.key()
	case '}':
		s.close()
	default:
		s.fail()
	}
	return nil, false
}

func (s *scan) key() ([]byte, bool) {
	if s.peek() != '"' {
		s.fail()
		return nil, false
	}
	from, to := s.str()
	if s.peek() != ':' {
		s.fail()
	}
	if s.bad {
		return nil, false
	}
	s.i++
	return s.b[from:to], true
}

// firstElem enters the array at hand and tells whether it has an element.
func (s *scan) firstElem() bool {
	s.open()
	if s.peek() == ']' {
		s.close()
		return false
	}
	return !s.bad
}

// nextElem goes on to the following element, or leaves the array.
func (s *scan) nextElem() bool {
	switch s.peek() {
	case ',':
		s.i++
		return true
	case ']':
		s.close()
	default:
		s.fail()
	}
	return false
}

// str passes the string at hand and gives where its content lies, escapes and all.
func (s *scan) str() (from, to int) {
	from = s.i + 1
	to = stringEnd(s.b, from)
	if to < 0 {
		s.fail()
		return 0, 0
	}
	s.i = to + 1
	return from, to
}

// skip passes any value.
func (s *scan) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.str()
	case c == '{':
		for _, more := s.firstKey(); more; _, more = s.nextKey() {
			s.skip()
		}
	case c == '[':
		for more := s.firstElem(); more; more = s.nextElem() {
			s.skip()
		}
	case c == '-' || c >= '0' && c <= '9':
		s.num()
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.fail()
	}
}

func (s *scan) word(w string) {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		s.fail()
		return
	}
	s.i += len(w)
}

// num passes the number at hand and gives its text.
func (s *scan) num() []byte {
	from := s.i
	if s.at('-') {
		s.i++
	}
	if s.at('0') {
		s.i++
	} else {
		s.digits()
	}
	if s.at('.') {
		s.i++
		s.digits()
	}
	if s.at('e') || s.at('E') {
		s.i++
		if s.at('+') || s.at('-') {
			s.i++
		}
		s.digits()
	}
	if s.bad {
		return nil
	}
	return s.b[from:s.i]
}

func (s *scan) at(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *scan) digits() {
	from := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	if s.i == from {
		s.fail()
	}
}

// number passes any value and gives it where it is a finite number, not negative.
func (s *scan) number() (float64, bool) {
	if c := s.peek(); c < '0' || c > '9' {
		s.skip()
		return 0, false
	}
	text := s.num()
	if len(text) == 0 {
		return 0, false
	}
	if len(text) <= 15 {
		if n, ok := digitsOnly(text); ok {
			return float64(n), true
		}
	}
	v, err := strconv.ParseFloat(string(text), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

func digitsOnly(text []byte) (n int64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
