// Package client makes one streamed request and stamps what arrives: the HOW of a
// measurement. It knows the wire, not the schedule (package load) and not what a
// failure means (package verdict).
//
// A recipe:
//
//  1. Take [DefaultConfig], set Endpoint, Model and API, and give MaxConns at
//     least the number of concurrent users.
//  2. [New] with the epoch of the session: all instants of all requests count from
//     it, on the monotonic clock.
//  3. Fill what the caller knows of a [record.Request] (cell, trial, index, when it
//     was intended) and call [Client.Do] with an [Ask]. The record comes back with
//     instants, events, counts, text, and with Failure where the request broke off.
//  4. [Client.Close] when no request runs any more.
//
// # What an instant is
//
// The connection below TLS is wrapped. On Linux it is read with recvmsg, and each read
// brings the instant at which the kernel took in the packet (SO_TIMESTAMPING): how
// late this process was scheduled is not in it. It is a reading of the wall clock, so
// it is moved onto the monotonic clock by an offset that is compared with both clocks
// at every read and measured anew each second; around a step of the wall clock, and
// where a stamp is impossible (after the read, or before Start), the clock right after
// the read stands in, as it does where the kernel gives no stamps. record.Request.Stamp
// is "kernel" only if all events of the stream have the kernel's; [Client.Stamps] counts.
//
// An event has the stamp of the read that brought the end of its (last) data line; all
// events that one read brought have the same stamp, so a gap of 0 is a value. How
// exact that is:
//
//   - A packet read on its own: exact, whatever was late. Loopback included.
//   - Several packets waiting, the first for at most 0.1 ms: they are read in one go,
//     and the earlier ones have the stamp of the last: late by less than 0.1 ms.
//   - Several packets waiting for longer: told apart, each with its own stamp, up to
//     5000 a second; beyond that as above, late by as long as they waited.
//   - Packets that the kernel has merged while they waited, which it may once they
//     are acknowledged: it keeps the last one's stamp, and nothing can tell. Between
//     hosts that is soon; on the loopback the first 16 packets after a pause are
//     acknowledged at once, later ones after up to 40 ms.
//
// So an event with a gap of 0 after it has an instant that is an upper bound; its lower
// bound is the instant before. Whoever reads later than the events' distance loses
// the distance: on a machine with a core to spare that does not happen.
//
// One more limit is net/http's: when several events lie in one chunk of the chunked
// transfer coding and that chunk comes in several reads, they all get the stamp of the
// last of these. Servers flush after each event, which makes each a chunk of its own.
// A TLS record and a gzip block likewise end with the packet that ends them.
//
// With HTTP/2 streams share a connection. Frames are watched as they pass, above TLS,
// so that each byte of a body has the stamp of the read that brought it, also when
// net/http has meanwhile read on for other streams. Within gzip the finest unit is
// what one read of the decompressor takes, at most 4 KiB. Wrote is then the instant
// at which net/http had handed over the body.
//
// The request is encoded before Start is stamped, and nothing is sent twice: no
// retry, no redirect. (Where an idle connection turns out dead before one byte was
// written to it, net/http takes another; the server has seen nothing.) There is no
// proxy, and gzip is understood but not asked for. Wrote is when the last write call
// returned; the kernel may have the answer before that.
//
// # How a request ends
//
// The stream's regular end leaves Failure nil, also when the stream ended too early:
// "no finish_reason, no terminator, no failure" is how a truncated stream looks. A
// body that breaks off before the end that HTTP announced counts as ended, not as
// reset. After the terminator ([DONE], or Ollama's done:true) nothing is a failure
// any more; the server then has a second to close the stream, or loses the connection.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"aibench/harness/record"
)

// API is a dialect of the wire.
type API string

// The dialects.
const (
	Completions API = "completions" // OpenAI POST /v1/completions, SSE
	Chat        API = "chat"        // OpenAI POST /v1/chat/completions, SSE
	Ollama      API = "ollama"      // Ollama's own POST /api/generate, NDJSON
)

// Who took the instants of a request's events, as in record.Request.Stamp.
const (
	StampKernel = "kernel" // the kernel, when it took in the packet that ended the event
	StampUser   = "user"   // this process, right after the read that brought it
)

// Versions of HTTP.
const (
	HTTP11 = "1.1"
	HTTP2  = "2"
)

// Config says how requests are made. Its String leaves the key out.
type Config struct {
	// Endpoint is the base URL, as http://127.0.0.1:8000/v1. For the OpenAI dialects
	// a URL without a path means /v1; for Ollama a trailing /v1 is dropped.
	Endpoint string
	// API is the dialect; empty means Completions.
	API API
	// Model is the name sent in the request; empty leaves it out.
	Model string
	// APIKey is sent as a bearer token; empty sends none. It is never printed or
	// recorded, and is cut out of error bodies that repeat it.
	APIKey string `json:"-"`
	// Timeout limits the whole request, from Start; 0: no limit.
	Timeout time.Duration
	// StallTimeout limits the time without an event once the first generated text
	// has come; the wait for that (the prefill) is bounded by Timeout only. 0: no
	// limit.
	StallTimeout time.Duration
	// MaxConns is how many idle connections are kept for the next requests; give at
	// least the number of users. It is not a limit: a request never waits in the
	// pool. 0 means 1.
	MaxConns int
	// KeepText keeps the answer's text in record.Request.Text.
	KeepText bool
	// Stamps is who takes the arrival instants: empty means the kernel where it can,
	// StampUser the clock after each read (to see what that costs in precision).
	Stamps string
	// HTTP is the protocol's version: empty means HTTP11. HTTP2 is spoken without
	// being negotiated on http, and demanded on https.
	HTTP string
	// TLS configures https; nil: the system's roots.
	TLS *tls.Config `json:"-"`
	// Dial makes connections; nil: TCP. Tests put an in-memory network here.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) `json:"-"`
}

// DefaultConfig is a vLLM-like server on this host.
func DefaultConfig() Config {
	return Config{
		Endpoint:     "http://127.0.0.1:8000/v1",
		API:          Completions,
		Timeout:      10 * time.Minute,
		StallTimeout: time.Minute,
		MaxConns:     64,
		KeepText:     true,
	}
}

// String tells what the configuration is, without the key.
func (c Config) String() string {
	key := "no key"
	if c.APIKey != "" {
		key = "key set"
	}
	return fmt.Sprintf("%s %s model %q (%s)", c.API, c.Endpoint, c.Model, key)
}

// GoString is String: %#v must not print the key either.
func (c Config) GoString() string { return c.String() }

// Ask is what one request asks for.
type Ask struct {
	// Prompt is the text. For Chat it is the one user message.
	Prompt string
	// MaxTokens is the most to generate; 0 leaves it to the server.
	MaxTokens int
	// Pinned records that Extra makes the engine generate exactly MaxTokens.
	Pinned bool
	// Temperature, TopP and Seed are left out where nil.
	Temperature, TopP *float64
	Seed              *uint64
	// Extra is merged over the body's top level and wins over what is there; a nil
	// value removes the key. "options" is merged key by key for Ollama. "stream"
	// can't be changed. Owned by the caller, not modified.
	Extra map[string]any
	// Watch, where not nil, gets each event's data (without framing, before it is
	// parsed) and its instant. data is good until Watch returns. A calibration
	// compares by it what the server wrote into the event with when it came.
	Watch func(data []byte, at int64)
}

// Client makes requests to one endpoint. It is safe for concurrent use.
type Client struct {
	cfg       Config
	url       string
	header    http.Header
	clock     clock
	wall      *wallClock
	transport *http.Transport
	buffers   sync.Pool          // of *[]byte: read buffers
	setStamps func(fd int) error // asks the kernel for stamps; tests refuse
}

// New checks the configuration and makes a client. All instants it records count
// from epoch, which must carry a monotonic reading (as time.Now returns it).
func New(cfg Config, epoch time.Time) (*Client, error) {
	if epoch.IsZero() || (!monotonic(epoch) && monotonic(time.Now())) {
		return nil, errors.New("client: epoch has no monotonic reading")
	}
	if cfg.API == "" {
		cfg.API = Completions
	}
	target, err := target(cfg.Endpoint, cfg.API)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 || cfg.StallTimeout < 0 || cfg.MaxConns < 0 {
		return nil, errors.New("client: negative timeout or number of connections")
	}
	if cfg.Stamps != "" && cfg.Stamps != StampUser {
		return nil, fmt.Errorf("client: stamps %q: want user or nothing", cfg.Stamps)
	}
	if cfg.HTTP != "" && cfg.HTTP != HTTP11 && cfg.HTTP != HTTP2 {
		return nil, fmt.Errorf("client: http %q: want %s or %s", cfg.HTTP, HTTP11, HTTP2)
	}
	if strings.ContainsAny(cfg.APIKey, "\r\n") {
		return nil, errors.New("client: api key contains a line break")
	}
	c := &Client{cfg: cfg, url: target, clock: clock{epoch}, setStamps: setStamps}
	c.wall = newWallClock(c.clock.both)
	c.header = headers(cfg)
	c.transport = c.newTransport()
	c.buffers.New = func() any { b := make([]byte, 0, bufferSize); return &b }
	return c, nil
}

// monotonic tells whether t can measure durations that no clock adjustment bends. In
// a synctest bubble no time can, and none needs to.
func monotonic(t time.Time) bool { return t != t.Round(0) }

// Close drops the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// URL is where the requests go.
func (c *Client) URL() string { return c.url }

// Do makes one request and fills r: instants, events, counts, text, and Failure
// where it broke off. It never retries, and leaves Outcome and Evidence to package
// verdict. r must not be used elsewhere meanwhile.
func (c *Client) Do(ctx context.Context, ask Ask, r *record.Request) {
	r.OutputWanted, r.OutputPinned = ask.MaxTokens, ask.Pinned
	body, err := encode(c.cfg, ask)
	if err != nil {
		c.refuse(r, err)
		return
	}
	x := newExchange(c, r, ask.MaxTokens)
	x.tally.watch = ask.Watch
	defer x.release()
	req, err := x.request(ctx, body)
	if err != nil {
		c.refuse(r, err)
		return
	}
	x.run(req)
}

// refuse records that the request could not be made.
func (c *Client) refuse(r *record.Request, err error) {
	r.Failure = &record.Failure{Kind: record.FailClient, Message: c.clip(err.Error())}
	r.End = record.Some(c.clock.now())
}

// target is the URL that requests of the dialect go to.
func target(endpoint string, api API) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		// The parse error repeats the input, which may hold credentials.
		return "", errors.New("client: endpoint is not a URL")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("client: endpoint %q: want http://host:port or https://host", u.Redacted())
	}
	if u.User != nil {
		return "", errors.New("client: endpoint holds credentials: give them as the api key")
	}
	path := strings.TrimRight(u.Path, "/")
	switch api {
	case Completions, Chat:
		if path == "" {
			path = "/v1"
		}
		if api == Chat {
			path += "/chat"
		}
		path += "/completions"
	case Ollama:
		path = strings.TrimSuffix(path, "/v1") + "/api/generate"
	default:
		return "", fmt.Errorf("client: api %q: want completions, chat or ollama", api)
	}
	u.Path, u.RawPath = path, ""
	return u.String(), nil
}
