package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Run is what run.json says: the run's plan and how it was made. What was found on the
// machine is in the metadata of each stage.
type Run struct {
	Schema    int             `json:"schema"`            // SchemaVersion of the writer; set by Create
	ID        string          `json:"id"`                // set by Create
	Created   time.Time       `json:"created"`           // wall clock, UTC; Create sets it where it is zero
	Tool      string          `json:"tool"`              // version of aibench
	Seed      uint64          `json:"seed"`              // of prompts and orders; 0 is a seed like any other
	Command   []string        `json:"command,omitempty"` // argv; secrets redacted by the caller
	Config    json.RawMessage `json:"config,omitempty"`  // configuration as run; secrets redacted by the caller
	Stages    []string        `json:"stages"`            // planned, in order
	Partial   string          `json:"partial,omitempty"` // why the plan was not done to its end; "": nothing says so
	Simulated bool            `json:"simulated"`         // the engine is the mock: its figures are of no real machine
}

// MinFree is the free space in bytes below which Create refuses: a night's sweep writes
// some tens of megabytes, and a full disk is better met at the beginning.
const MinFree = 32 << 20

const runFile = "run.json"

// Dir is a run's directory.
type Dir struct {
	path string
	mu   sync.Mutex
	run  Run
}

// Create makes the directory of a new run in the folder results, which is made if
// missing, and writes run.json. It fails where the run exists already, where the folder
// can't be written, and where less than MinFree bytes are free, and then leaves nothing
// behind.
func Create(results, id string, r Run) (*Dir, error) {
	if err := ValidID(id); err != nil {
		return nil, err
	}
	r.Schema, r.ID = SchemaVersion, id
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	r.Created = r.Created.UTC().Truncate(time.Second)
	d := &Dir{path: filepath.Join(results, id), run: r}
	if _, err := os.Lstat(d.path); err == nil {
		return nil, existsError(results, id)
	}
	if err := os.MkdirAll(results, 0o755); err != nil {
		return nil, fmt.Errorf("results folder %s: can't be made: %w", results, cause(err))
	}
	if err := d.make(results); err != nil {
		return nil, err
	}
	return d, nil
}

func existsError(results, id string) error {
	return fmt.Errorf("run %s exists already in %s: continue it with -run-id %s -stage NAME, or give another -run-id: %w",
		id, results, id, fs.ErrExist)
}

// make prepares the directory under a temporary name and renames it, so that a run
// that can be seen always has its run.json and can be continued.
func (d *Dir) make(results string) (err error) {
	tmp, err := os.MkdirTemp(results, ".new-*")
	if err != nil {
		return fmt.Errorf("results folder %s: can't be written: %w", results, cause(err))
	}
	defer func() {
		if err != nil {
			os.RemoveAll(tmp)
		}
	}()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("results folder %s: %w", results, cause(err))
	}
	if err := probe(results, tmp); err != nil {
		return err
	}
	if err := writeRun(filepath.Join(tmp, runFile), d.run); err != nil {
		return err
	}
	if err := os.Rename(tmp, d.path); err != nil {
		if errors.Is(err, fs.ErrExist) { // another process was faster
			return existsError(results, d.run.ID)
		}
		return fmt.Errorf("run %s: %w", d.path, cause(err))
	}
	return syncDir(results)
}

// probe finds out whether the disk takes data: by its own account of its free space
// (where the system gives one), and by a file, as a quota shows only then.
func probe(results, dir string) error {
	if free, ok := FreeSpace(dir).Get(); ok && free < MinFree {
		return fmt.Errorf("results folder %s: %d MiB free, a run needs at least %d MiB: free some space or choose another folder with -results",
			results, free>>20, MinFree>>20)
	}
	path := filepath.Join(dir, "probe")
	block := make([]byte, 64<<10)
	err := WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(block)
		return err
	})
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("results folder %s: can't be written: %w", results, cause(err))
	}
	return nil
}

// Open opens the directory of an existing run.
func Open(results, id string) (*Dir, error) {
	if err := ValidID(id); err != nil {
		return nil, err
	}
	d := &Dir{path: filepath.Join(results, id)}
	r, err := readRun(filepath.Join(d.path, runFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run %s: none in %s: %w", id, results, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	d.run = r
	return d, nil
}

func readRun(path string) (Run, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Run{}, fmt.Errorf("run file %s: %w", path, cause(err))
	}
	var r Run
	if err := json.Unmarshal(b, &r); err != nil {
		return Run{}, fmt.Errorf("run file %s: %w", path, err)
	}
	if r.Schema != SchemaVersion {
		return Run{}, fmt.Errorf("run file %s: schema version %d: this aibench reads version %d only", path, r.Schema, SchemaVersion)
	}
	return r, nil
}

func writeRun(path string, r Run) error {
	return WriteFile(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	})
}

// Run returns what run.json said when it was last read or written here.
func (d *Dir) Run() Run {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.run
	r.Command, r.Config, r.Stages = slices.Clone(r.Command), slices.Clone(r.Config), slices.Clone(r.Stages)
	return r
}

// updateTries and updatePause bound how long Update waits for another process that is
// updating the same run: that takes milliseconds.
const (
	updateTries = 500
	updatePause = 10 * time.Millisecond
)

// Update reads run.json again, lets change alter it, and writes it back. Readers see
// the old file or the new one, and no update of another process is lost. Schema and ID
// stay as they are.
func (d *Dir) Update(change func(*Run)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := filepath.Join(d.path, runFile)
	lock, err := lockFile(path + ".lock")
	for try := 1; try < updateTries; try++ {
		if _, held := heldBy(err); !held {
			break
		}
		time.Sleep(updatePause)
		lock, err = lockFile(path + ".lock")
	}
	if err != nil {
		return fmt.Errorf("run file %s: lock: %w", path, cause(err))
	}
	defer lock.release()
	r, err := readRun(path)
	if err != nil {
		return err
	}
	schema, id := r.Schema, r.ID
	change(&r)
	r.Schema, r.ID = schema, id
	if err := writeRun(path, r); err != nil {
		return err
	}
	d.run = r
	return nil
}

// Path is the run's folder.
func (d *Dir) Path() string { return d.path }

// Journal is the path of a stage's journal, from which all other files of the stage
// but Metrics, Metadata and Log can be rebuilt.
func (d *Dir) Journal(stage string) string { return d.file("journal_", stage, ".jsonl") }

// Bench is the path of a stage's results in Go benchmark format.
func (d *Dir) Bench(stage string) string { return d.file("bench_", stage, ".txt") }

// Results is the path of a stage's figures by cell.
func (d *Dir) Results(stage string) string { return d.file("results_", stage, ".json") }

// Requests is the path of a stage's table of requests; see [WriteRequestsCSV].
func (d *Dir) Requests(stage string) string { return d.file("requests_", stage, ".csv") }

// Metrics is the path of a stage's telemetry, one row a tick.
func (d *Dir) Metrics(stage string) string { return d.file("metrics_", stage, ".csv") }

// Metadata is the path of what was found at a stage: machine, server, model.
func (d *Dir) Metadata(stage string) string { return d.file("metadata_", stage, ".json") }

// Log is the path of the output of a stage's server.
func (d *Dir) Log(stage string) string { return d.file("server_", stage, ".log") }

// Charts is the path of a chart, given by its file name, such as
// "ttft_comparison.png"; "" gives their folder. [WriteFile] makes the folder.
func (d *Dir) Charts(name string) string {
	if name == "" {
		return filepath.Join(d.path, "charts")
	}
	return filepath.Join(d.path, "charts", plain(name))
}

func (d *Dir) file(prefix, stage, suffix string) string {
	return filepath.Join(d.path, prefix+plain(stage)+suffix)
}

// plain makes a file name of any string. Stages and charts have plain names already;
// this keeps one that does not from leading out of the run's folder.
func plain(name string) string {
	ok := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}
	name = strings.Map(ok, name)
	if strings.HasPrefix(name, ".") {
		name = "_" + name[1:]
	}
	return name
}
