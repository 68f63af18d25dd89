package telemetry

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"

	"aibench/harness/record"
)

// Host is what is known of the machine before anything is measured. A fact that
// could not be had is empty or absent.
type Host struct {
	OS       string            `json:"os"`
	Arch     string            `json:"arch"`
	Platform string            `json:"platform,omitempty"` // distribution and its version
	Kernel   string            `json:"kernel,omitempty"`
	CPU      string            `json:"cpu,omitempty"` // model name
	Cores    int               `json:"logical_cores"`
	Governor string            `json:"cpu_governor,omitempty"` // of the first core; alone it can double a TTFT
	RAM      record.Opt[int64] `json:"ram_bytes,omitzero"`
	Swap     record.Opt[int64] `json:"swap_bytes,omitzero"`
	Go       string            `json:"go"`
}

// FindHost asks the system.
func FindHost(ctx context.Context) Host {
	h := Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(), Governor: governor()}
	if info, err := host.InfoWithContext(ctx); err == nil {
		h.Platform, h.Kernel = strings.TrimSpace(info.Platform+" "+info.PlatformVersion), info.KernelVersion
	}
	if infos, err := cpu.InfoWithContext(ctx); err == nil && len(infos) > 0 {
		h.CPU = strings.TrimSpace(infos[0].ModelName)
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.RAM = record.Some(int64(v.Total))
	}
	if v, err := mem.SwapMemoryWithContext(ctx); err == nil {
		h.Swap = record.Some(int64(v.Total))
	}
	return h
}

func governor() string {
	b, err := os.ReadFile(filepath.FromSlash("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
