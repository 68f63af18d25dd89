package client

import "io"

// wire is a body before its content coding is undone. It knows when the bytes that it
// gave arrived.
type wire struct {
	io.Reader
	conn   *stampedConn
	stream *stream // HTTP/2
	coded  bool    // what is read here is not what the decoder gets
	last   arrival
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.stream == nil {
		// net/http reads the connection inside this very call, if at all: its latest
		// read brought the last of these bytes. (Or of these and more: a read that
		// spans chunks is told apart nowhere.)
		w.last = w.conn.arrived()
		return n, err
	}
	if w.coded {
		for left := n; left > 0; {
			left -= w.take(left)
		}
	}
	return n, err
}

// together tells how many of the next n bytes that the decoder gets arrived at once,
// and sets last.
func (w *wire) together(n int) int {
	if w.stream == nil || w.coded {
		return n
	}
	return w.take(n)
}

func (w *wire) take(n int) (k int) {
	k, w.last = w.stream.take(n)
	return k
}
