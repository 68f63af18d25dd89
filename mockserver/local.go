package mockserver

import (
	"errors"
	"fmt"
	"net"
	"net/http"
)

// Local is a mock engine that serves on a loopback port inside this process.
type Local struct {
	engine *Server
	http   *http.Server
	url    string
}

// ServeLocal starts one for the named profile. The caller closes it.
func ServeLocal(profile string, o Options) (*Local, error) {
	p, err := LoadProfile(profile)
	if err != nil {
		return nil, err
	}
	s, err := New(p, o)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mock engine: %w", err), s.Close())
	}
	local := &Local{engine: s, http: &http.Server{Handler: s}, url: "http://" + l.Addr().String() + "/v1"}
	go local.http.Serve(l) // ends with Close
	return local, nil
}

// URL is the base URL of its OpenAI-compatible API.
func (l *Local) URL() string { return l.url }

// Close stops serving, at once.
func (l *Local) Close() error { return errors.Join(l.http.Close(), l.engine.Close()) }
