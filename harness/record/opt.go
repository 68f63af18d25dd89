package record

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Opt is a value that may be absent. Absent is not zero: an unknown TTFT must
// never enter an average as 0 ns. The zero Opt is absent; it is null in JSON and
// left out of objects by `omitzero`.
type Opt[T int | int64 | float64 | bool] struct {
	v  T
	ok bool
}

// Some returns a present value.
func Some[T int | int64 | float64 | bool](v T) Opt[T] { return Opt[T]{v, true} }

// Get returns the value and whether it is present.
func (o Opt[T]) Get() (T, bool) { return o.v, o.ok }

// Has tells whether the value is present.
func (o Opt[T]) Has() bool { return o.ok }

// Or returns the value, or d where it is absent.
func (o Opt[T]) Or(d T) T {
	if o.ok {
		return o.v
	}
	return d
}

// IsZero reports absence; encoding/json's omitzero asks it.
func (o Opt[T]) IsZero() bool { return !o.ok }

// MarshalJSON writes the value, or null where it is absent.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.ok {
		return []byte("null"), nil
	}
	// A request has some twenty of these, and is written while others are measured.
	switch v := any(o.v).(type) {
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	case int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	}
	return json.Marshal(o.v)
}

// UnmarshalJSON reads a value; null is absent.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	*o = Opt[T]{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	// A journal has millions of these; what is no plain integer takes the long way,
	// which also words the error.
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		switch p := any(&o.v).(type) {
		case *int64:
			*p, o.ok = n, true
			return nil
		case *int:
			if int64(int(n)) == n {
				*p, o.ok = int(n), true
				return nil
			}
		}
	}
	if err := json.Unmarshal(b, &o.v); err != nil {
		return err
	}
	o.ok = true
	return nil
}
