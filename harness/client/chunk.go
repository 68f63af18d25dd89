package client

// chunk is what one JSON object of a stream says, whatever its dialect: the keys of
// the OpenAI dialects, of Ollama and of the engines' additions don't collide. Byte
// slices alias the object.
type chunk struct {
	text, reasoning, tool bool // generated text of that kind, not empty
	choices               bool // "choices" with an element
	done                  bool // Ollama's done:true
	finish                []byte
	counts                counts

	failed  bool   // an error object
	message []byte // the error's words, raw
	escaped bool   // message is a string's content, to be unescaped

	generated int // strings of generated text
	from, to  int // where the content of the last of them lies
	volFrom   int // content of "created_at" before it: differs in every chunk,
	volTo     int // means nothing to us; 0: none
}

// kind is the event's letter, as in record.Events.
func (c *chunk) kind() byte {
	switch {
	case c.text:
		return 't'
	case c.reasoning:
		return 'r'
	case c.tool:
		return 'c'
	case len(c.finish) > 0 || c.done:
		return 'f'
	case !c.choices && c.counts.any():
		return 'u'
	}
	return 'e'
}

// parser reads one chunk; text takes the answer's text where keep is set.
type parser struct {
	scan
	c    *chunk
	keep bool
	text []byte
}

// parse reads the object; false: it is no valid JSON object.
func (p *parser) parse() bool {
	if p.peek() != '{' {
		return false
	}
	var object, message []byte
	for k, more := p.firstKey(); more; k, more = p.nextKey() {
		switch string(k) {
		case "choices":
			p.choices()
		case "usage":
			p.usage()
		case "timings":
			p.timings()
		case "error":
			p.failure()
		case "object":
			object = p.content()
		case "response":
			p.generated(&p.c.text, true)
		case "thinking":
			p.generated(&p.c.reasoning, false)
		case "message":
			if p.peek() == '"' {
				message = p.content()
			} else {
				p.delta()
			}
		case "created_at":
			p.createdAt()
		case "done":
			p.c.done = p.peek() == 't'
			p.skip()
		case "done_reason":
			p.c.finish = p.content()
		default:
			if !p.ollamaCount(k) {
				p.skip()
			}
		}
	}
	if string(object) == "error" && !p.c.failed {
		p.c.failed, p.c.message, p.c.escaped = true, message, true
	}
	return p.ended()
}

// content passes any value and gives a string's content, raw; nil: no string.
func (p *parser) content() []byte {
	if p.peek() != '"' {
		p.skip()
		return nil
	}
	from, to := p.str()
	return p.b[from:to]
}

// generated reads a value that is generated text where it is a non-empty string (or
// a list of parts with such texts).
func (p *parser) generated(has *bool, answer bool) {
	switch p.peek() {
	case '"':
		from, to := p.str()
		if from == to {
			return
		}
		*has = true
		p.c.generated++
		p.c.from, p.c.to = from, to
		if answer && p.keep {
			p.text = unescape(p.text, p.b[from:to])
		}
	case '[':
		for more := p.firstElem(); more; more = p.nextElem() {
			p.keys(func(k []byte) bool {
				if string(k) != "text" {
					return false
				}
				p.generated(has, answer)
				return true
			})
		}
	default:
		p.skip()
	}
}

// keys walks an object where there is one; take reads a value or declines it.
func (p *parser) keys(take func(key []byte) bool) {
	if p.peek() != '{' {
		p.skip()
		return
	}
	for k, more := p.firstKey(); more; k, more = p.nextKey() {
		if !take(k) {
			p.skip()
		}
	}
}

func (p *parser) choices() {
	if p.peek() != '[' {
		p.skip()
		return
	}
	for more := p.firstElem(); more; more = p.nextElem() {
		p.c.choices = true
		p.keys(p.choice)
	}
}

func (p *parser) choice(k []byte) bool {
	switch string(k) {
	case "text":
		p.generated(&p.c.text, true)
	case "delta", "message":
		p.delta()
	case "finish_reason":
		if reason := p.content(); len(reason) > 0 {
			p.c.finish = reason
		}
	default:
		return false
	}
	return true
}

// delta reads a chat message or a piece of one.
func (p *parser) delta() {
	p.keys(func(k []byte) bool {
		switch string(k) {
		case "content":
			p.generated(&p.c.text, true)
		case "reasoning_content", "reasoning", "thinking":
			p.generated(&p.c.reasoning, false)
		case "tool_calls":
			p.toolCalls()
		case "function_call":
			p.keys(p.function)
		default:
			return false
		}
		return true
	})
}

func (p *parser) toolCalls() {
	if p.peek() != '[' {
		p.skip()
		return
	}
	for more := p.firstElem(); more; more = p.nextElem() {
		p.keys(func(k []byte) bool {
			if string(k) != "function" {
				return false
			}
			p.keys(p.function)
			return true
		})
	}
}

// function reads a call's arguments: a string that grows, or Ollama's object.
func (p *parser) function(k []byte) bool {
	if string(k) != "arguments" {
		return false
	}
	if p.peek() == '{' {
		p.c.tool = true
		p.c.generated += 2 // no single string to make a template of
	}
	p.generated(&p.c.tool, false)
	return true
}

func (p *parser) createdAt() {
	at := p.i
	if p.peek() == '"' && p.c.generated == 0 {
		p.c.volFrom, p.c.volTo = p.str()
		return
	}
	p.i = at
	p.skip()
}

// failure reads an error: words, or an object with a message. null, false and an
// empty string are none.
func (p *parser) failure() {
	c := p.peek()
	from := p.i
	switch c {
	case 'n', 'f':
		p.skip()
		return
	case '"':
		if p.c.message, p.c.escaped = p.content(), true; len(p.c.message) == 0 {
			return
		}
	case '{':
		var message []byte
		p.keys(func(k []byte) bool {
			if string(k) != "message" {
				return false
			}
			message = p.content()
			return true
		})
		p.c.message, p.c.escaped = message, true
	default:
		p.skip()
	}
	p.c.failed = true
	if len(p.c.message) == 0 && !p.bad {
		p.c.message, p.c.escaped = p.b[from:p.i], false
	}
}
