package client

// template is the shape that the last ordinary event had. The events of a stream
// differ in the generated string only (and in Ollama's created_at): an event with
// the same bytes before and after, and a valid string between, needs no parsing. It
// is learned anew from each strictly parsed event, so that whatever else the event
// said (the same counts again) is in the account already: what the template lets
// pass means exactly what a full parse would find (FuzzFastPath).
type template struct {
	kind     byte   // of the event; 0: nothing learned
	before   []byte // up to the string, or up to created_at's value where volatile
	between  []byte // from the end of that value to the string
	after    []byte // from the string's closing quote
	volatile bool
}

// learn takes the shape of an event, where it is one to take.
func (m *template) learn(data []byte, c *chunk) {
	m.kind = 0
	if c.generated != 1 || len(c.finish) > 0 || c.done || c.failed {
		return
	}
	m.kind, m.volatile = c.kind(), c.volTo > 0
	if m.volatile {
		m.before = append(m.before[:0], data[:c.volFrom]...)
		m.between = append(m.between[:0], data[c.volTo:c.from]...)
	} else {
		m.before = append(m.before[:0], data[:c.from]...)
	}
	m.after = append(m.after[:0], data[c.to:]...)
}

// match gives the generated string's content, raw, where data has the shape.
func (m *template) match(data []byte) ([]byte, bool) {
	i := len(m.before)
	if m.kind == 0 || len(data) <= i+len(m.after) || string(data[:i]) != string(m.before) {
		return nil, false
	}
	if m.volatile {
		if i = stringEnd(data, i); i < 0 {
			return nil, false
		}
		from := i
		if i += len(m.between); i >= len(data) || string(data[from:i]) != string(m.between) {
			return nil, false
		}
	}
	end := stringEnd(data, i)
	if end <= i || string(data[end:]) != string(m.after) {
		return nil, false
	}
	return data[i:end], true
}
