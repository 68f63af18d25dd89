package telemetry

import "aibench/harness/record"

// Tick is one sample. Counters run from the start of the session, so that they
// are 0 in its first tick and rates are differences of two ticks.
type Tick struct {
	At      int64 // ns since the epoch of the run's clock, taken just before reading
	Session int   // number of the session within the stage, from 1; told apart since each has its own epoch

	CPU          record.Opt[float64] // share of all cores busy since the tick before, 0 to 1; absent in the first
	RAMTotal     record.Opt[int64]   // bytes
	RAMUsed      record.Opt[int64]   // bytes, without buffers and page cache
	RAMAvailable record.Opt[int64]   // bytes a program could still get without swapping
	RAMCached    record.Opt[int64]   // bytes of page cache: weights that are mapped from a file are here
	SwapUsed     record.Opt[int64]   // bytes
	SwapIn       record.Opt[int64]   // bytes read from swap
	SwapOut      record.Opt[int64]   // bytes written to swap
	MajorFaults  record.Opt[int64]   // page faults of the machine that had to read a disk

	DiskRead   record.Opt[int64] // bytes, all physical disks, tier 3 among them
	DiskWrite  record.Opt[int64] // bytes
	Tier3Read  record.Opt[int64] // bytes, the device of the offload path alone
	Tier3Write record.Opt[int64] // bytes

	ServerRSS     record.Opt[int64] // bytes resident, sum over the server's process tree; pages that processes share count in each
	ServerRead    record.Opt[int64] // bytes the tree read from disks, page faults of mapped files among them
	ServerWritten record.Opt[int64] // bytes the tree sent to disks
}

// column is one cell of a row. Exactly one of its accessors is set.
type column struct {
	name  string
	whole func(*Tick) *record.Opt[int64]
	share func(*Tick) *record.Opt[float64]
}

// columns lists the measured cells in their order in the file. The instant
// stands before them and the session after: see ReadCSV for why it is last.
var columns = []column{
	{name: "cpu_share", share: func(t *Tick) *record.Opt[float64] { return &t.CPU }},
	{name: "ram_total_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.RAMTotal }},
	{name: "ram_used_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.RAMUsed }},
	{name: "ram_available_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.RAMAvailable }},
	{name: "ram_cached_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.RAMCached }},
	{name: "swap_used_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.SwapUsed }},
	{name: "swap_in_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.SwapIn }},
	{name: "swap_out_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.SwapOut }},
	{name: "major_faults", whole: func(t *Tick) *record.Opt[int64] { return &t.MajorFaults }},
	{name: "disk_read_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.DiskRead }},
	{name: "disk_write_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.DiskWrite }},
	{name: "tier3_read_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.Tier3Read }},
	{name: "tier3_write_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.Tier3Write }},
	{name: "server_rss_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.ServerRSS }},
	{name: "server_read_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.ServerRead }},
	{name: "server_written_bytes", whole: func(t *Tick) *record.Opt[int64] { return &t.ServerWritten }},
}

const (
	atColumn      = "at_ns"
	sessionColumn = "session"
)
