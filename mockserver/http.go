package mockserver

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ServerName is the value of the Server header of every response, whatever the
// dialect: figures from this server must never pass for real ones.
const ServerName = "mockserver (simulated)"

// HeaderFault and HeaderStamp are request headers: faults that strike this
// request, and "1" or "text" to put the instants of writing into the events of this
// request: beside their text, or as their text.
const (
	HeaderFault = "X-Mock-Fault"
	HeaderStamp = "X-Mock-Stamp"
)

var dialects = []string{"vllm", "llamacpp", "ollama", "rockchip"}

// Options is what differs between servers of one profile. All are optional.
type Options struct {
	Stage      string        // baseline or aidaptiv; empty: baseline
	Faults     string        // "status=503:5,cut=2:1": name, argument, percent of requests
	Dialect    string        // vllm, llamacpp, ollama, rockchip; empty: the profile's
	Pressure   bool          // make modelled RAM and offloaded blocks real
	OffloadDir string        // where Pressure keeps blocks; empty: a temporary directory, removed by Close
	Stamp      bool          // put "mock_write_unix_ns" into every event
	StampText  bool          // make each token the instant at which it is written, wall clock in ns
	APIKey     string        // demanded as bearer token; empty: none is
	Seed       uint64        // of noise and faults; 0: a random one
	Load       time.Duration // wall time after New in which every request gets 503, as while a model loads; 0: none
	GoTimers   bool          // pace with Go's timers only: for testing/synctest; else they are a millisecond late
	Log        io.Writer     // one line a refused or failed request; nil: none

	// OnOOM is called with the message when the profile says oom: exit or kill
	// and memory is exhausted, or when the fault die strikes. It should end the
	// process. Nil: such a profile is refused by New.
	OnOOM func(message string)
}

// Server is a simulated inference server. It implements http.Handler.
type Server struct {
	profile  Profile
	options  Options
	layout   layout
	memory   *memory
	pressure *pressure
	faults   []rated
	pace     pacer
	handler  http.Handler

	ready time.Time     // before it, the model is loading
	count atomic.Uint64 // requests, for ids and random draws
	dead  atomic.Bool   // the fault die struck
	total counters

	mu          sync.Mutex
	prefillFree time.Time // when the prefills accepted so far will have ended
	decoders    int
	decodingKV  float64 // modelled seconds to read the KV of all decoders
	rockchip    loaded
}

type counters struct{ prompt, output, requests, failed atomic.Int64 }

// New returns a server for a profile. Close it to end pressure.
func New(p Profile, o Options) (*Server, error) {
	if o.Stage == "" {
		o.Stage = "baseline"
	}
	if o.Dialect != "" {
		p.Dialect = o.Dialect
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	if p.OOM != "error" && o.OnOOM == nil {
		return nil, fmt.Errorf("profile %s: oom: %s needs a process of its own", p.Name, p.OOM)
	}
	faults, err := parseFaults(o.Faults)
	if err != nil {
		return nil, err
	}
	l, err := p.layout(o.Stage)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", p.Name, err)
	}
	if o.Seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		o.Seed = binary.LittleEndian.Uint64(b[:])
	}
	// Both stages with one seed must not draw the same noise: pairs would
	// differ by less than any machine does.
	o.Seed = mix(o.Seed, hashText(o.Stage))
	s := &Server{profile: p, options: o, layout: l, memory: newMemory(l, p), faults: faults, pace: pacer{goTimers: o.GoTimers},
		ready: time.Now().Add(o.Load)}
	s.rockchip = loaded{is: true, contextLen: p.MaxModelLen, npuCores: 3}
	if o.Pressure {
		if s.pressure, err = newPressure(l, p.PressureScale, o.OffloadDir); err != nil {
			return nil, err
		}
		s.pressure.hold(s.inUse(false))
	}
	s.handler = s.routes()
	return s, nil
}

// Close gives back what pressure holds. Requests under way are not waited for.
func (s *Server) Close() error { return s.pressure.close() }

// Stage and Dialect tell what the server plays.
func (s *Server) Stage() string { return s.options.Stage }

// Dialect is vllm, llamacpp, ollama or rockchip.
func (s *Server) Dialect() string { return s.profile.Dialect }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.dead.Load() {
		panic(http.ErrAbortHandler) // as close to a dead process as a handler gets
	}
	w.Header().Set("Server", ServerName)
	w.Header().Set("X-Mockserver", "simulated")
	if s.options.Load > 0 && time.Now().Before(s.ready) {
		s.fail(w, apiOf(r), http.StatusServiceUnavailable, "Loading model")
		return
	}
	if s.options.APIKey != "" && r.URL.Path != "/health" {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(s.options.APIKey)) != 1 {
			s.fail(w, apiOf(r), http.StatusUnauthorized, "Unauthorized")
			return
		}
	}
	s.handler.ServeHTTP(w, r)
}

// routes gives each dialect the paths that the real server has, so that
// discovery finds what it would find there. /health is everybody's.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, apiCompletions) })
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, apiChat) })
	mux.HandleFunc("GET /v1/models", s.models)
	switch s.profile.Dialect {
	case "vllm":
		mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {}) // 200 and empty, as there
		mux.HandleFunc("GET /ping", func(http.ResponseWriter, *http.Request) {})
		mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]any{"version": "0.11.0+sim"})
		})
		mux.HandleFunc("POST /tokenize", s.tokenizeVLLM)
		mux.HandleFunc("GET /metrics", s.metricsVLLM)
	case "llamacpp":
		mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]any{"status": "ok"})
		})
		mux.HandleFunc("GET /props", s.props)
		mux.HandleFunc("POST /tokenize", s.tokenizeLlama)
		mux.HandleFunc("GET /metrics", s.metricsLlama)
	case "ollama":
		s.ollamaRoutes(mux)
	case "rockchip":
		s.rockchipRoutes(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, apiOf(r), http.StatusNotFound, "Not Found")
	})
	return mux
}

// api is one of the generating endpoints.
type api int

const (
	apiCompletions api = iota
	apiChat
	apiOllamaGenerate
	apiOllamaChat
)

func apiOf(r *http.Request) api {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return apiOllamaGenerate
	}
	return apiCompletions
}

func (a api) native() bool { return a == apiOllamaGenerate || a == apiOllamaChat }
func (a api) chat() bool   { return a == apiChat || a == apiOllamaChat }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(marshal(v)) // the client has gone: its own affair
}

func readJSON(r *http.Request, v any) error {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	return nil
}

// fail answers with the dialect's error body.
func (s *Server) fail(w http.ResponseWriter, a api, status int, message string) {
	s.total.failed.Add(1)
	if s.options.Log != nil {
		fmt.Fprintf(s.options.Log, "mockserver: %d: %s\n", status, message)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(s.errorBody(a, status, message))
}

func (s *Server) errorBody(a api, status int, message string) []byte {
	pick := func(kinds map[int]string, otherwise string) string {
		if k, ok := kinds[status]; ok {
			return k
		}
		return otherwise
	}
	switch d := s.profile.Dialect; {
	case a.native():
		return marshal(map[string]any{"error": message})
	case d == "ollama":
		kind := pick(map[int]string{400: "invalid_request_error", 404: "not_found_error"}, "api_error")
		return marshal(map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": nil}})
	case d == "rockchip":
		return marshal(map[string]any{"detail": message})
	case d == "llamacpp":
		kind := pick(map[int]string{400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 503: "unavailable_error"}, "server_error")
		return marshal(map[string]any{"error": map[string]any{"code": status, "message": message, "type": kind}})
	case status == http.StatusUnauthorized:
		return marshal(map[string]any{"error": message})
	}
	kind := pick(map[int]string{400: "BadRequestError", 404: "NotFoundError", 429: "TooManyRequestsError"}, "InternalServerError")
	return marshal(map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": status}})
}

// inUse is the modelled memory in use: of the first tier (the device), or of
// the tiers that pressure backs with RAM.
func (s *Server) inUse(device bool) (bytes int64) {
	used := s.memory.usage().used
	for i, t := range s.layout.tiers {
		if device == (i == 0) && (device || t.Backing == "memory") {
			bytes += s.layout.weights[i] + int64(used[i])*s.layout.block
		}
	}
	if device {
		bytes += int64(s.profile.RuntimeBytes + s.profile.Stages[s.options.Stage].ReservedBytes)
	}
	return bytes
}
