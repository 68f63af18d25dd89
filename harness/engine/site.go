package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// lookTimeout limits one question of the discovery; a server that loads a model or
// computes meanwhile may take a while to say its name.
const lookTimeout = 10 * time.Second

// bodyLimit bounds an answer: the ids of a million tokens are 8 MB.
const bodyLimit = 64 << 20

// site is the HTTP side of a server: where its paths are, and whether it said that it
// is simulated.
type site struct {
	root      string // http://host:port
	base      string // root + /v1, where the OpenAI paths are
	key       string
	http      *http.Client
	simulated atomic.Bool
}

func newSite(endpoint, key string) (*site, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, errors.New("endpoint is not a URL") // the cause may hold credentials
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("endpoint %q: want http://host:port/v1", u.Redacted())
	}
	path := strings.TrimRight(u.Path, "/")
	u.Path, u.RawPath, u.RawQuery, u.Fragment, u.User = "", "", "", "", nil
	host := u.String()
	s := &site{root: host + strings.TrimSuffix(path, "/v1"), base: host + path, key: key}
	if path == "" {
		s.base = host + "/v1"
	}
	// No proxy, as in the measured requests: another way could lead elsewhere.
	s.http = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: lookTimeout}).DialContext}}
	return s, nil
}

// statusError is an answer other than 2xx.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string {
	if e.body == "" {
		return fmt.Sprintf("HTTP %d", e.status)
	}
	return fmt.Sprintf("HTTP %d: %s", e.status, e.body)
}

// get reads JSON from a full URL into out.
func (s *site) get(ctx context.Context, target string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return s.do(ctx, http.MethodGet, target, nil, out)
}

// post sends in as JSON to a full URL. It has no limit of its own but ctx: to load a
// model takes as long as it takes.
func (s *site) post(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return s.do(ctx, http.MethodPost, target, body, out)
}

func (s *site) do(ctx context.Context, method, target string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "aibench")
	// Nothing that is asked here changes what a second asking gives; so net/http may
	// repeat it when a connection turns out to be from before the server's restart.
	// An empty key says that and isn't sent.
	req.Header["Idempotency-Key"] = nil
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.key != "" {
		req.Header.Set("Authorization", "Bearer "+s.key)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.Header.Get("X-Mockserver") != "" || strings.HasPrefix(resp.Header.Get("Server"), "mockserver") {
		s.simulated.Store(true)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &statusError{resp.StatusCode, s.clip(data)}
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("not the expected JSON: %w", err)
	}
	return nil
}

// clip makes the beginning of a body fit for an error line, without the key.
func (s *site) clip(data []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(data[:min(len(data), 300)]), "")), " ")
	if s.key != "" {
		text = strings.ReplaceAll(text, s.key, "[key]")
	}
	return text
}

// noServer tells whether nothing at all answers, so that there is no point in asking
// for another path; and says it in few words.
func noServer(err error) (cause string, is bool) {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "no such host " + dns.Name, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer within " + lookTimeout.String(), true
	case errors.As(err, &op):
		return op.Err.Error(), true
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err.Error(), true
	}
	return "", false
}

func status(err error) int {
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	return 0
}
