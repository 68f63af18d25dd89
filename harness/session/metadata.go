package session

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"aibench/harness/engine"
	"aibench/harness/record"
	"aibench/harness/telemetry"
)

// Metadata is metadata_{stage}.json: the machine, the server and the model as the
// stage found them.
type Metadata struct {
	Stage   string         `json:"stage"`
	Found   time.Time      `json:"found"` // wall clock
	Version string         `json:"aibench"`
	Session int            `json:"session"` // that found it; a resumed stage keeps its latest
	Engine  engine.Info    `json:"engine"`
	Model   engine.Model   `json:"model"`
	Machine telemetry.Host `json:"machine"` // of the client; the server may be elsewhere
}

func (s *Session) writeMetadata(ctx context.Context) error {
	m := Metadata{Stage: s.cfg.Stage, Found: s.epoch.Round(0).UTC(), Version: s.cfg.Version, Session: s.number,
		Engine: s.engine.Info(), Model: s.engine.Model(), Machine: telemetry.FindHost(ctx)}
	return record.WriteFile(s.cfg.Dir.Metadata(s.cfg.Stage), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		return nil
	})
}
