//go:build unix

package stage

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// processGroup is a Unix process group. Its number stays taken as long as one
// member lives, also after the leader was reaped.
type processGroup struct{ id int }

func joinGroup(p *os.Process) (processGroup, error) { return processGroup{p.Pid}, nil }

func (g processGroup) terminate() { g.signal(unix.SIGTERM) }
func (g processGroup) kill()      { g.signal(unix.SIGKILL) }

func (g processGroup) signal(s unix.Signal) {
	if g.id > 1 { // -1 would be every process there is
		_ = unix.Kill(-g.id, s) // it fails when all are gone, which is what is wanted
	}
}

// empty tells that nothing of the group runs any more. It is asked after the
// leader was reaped. Orphans come to aibench where it is
// the init process of a container; then they are reaped here.
func (g processGroup) empty() bool {
	for {
		if pid, err := unix.Wait4(-g.id, nil, unix.WNOHANG, nil); err != nil || pid <= 0 {
			break
		}
	}
	return errors.Is(unix.Kill(-g.id, 0), unix.ESRCH) || onlyZombies(g.id)
}

func signalName(s *os.ProcessState) string {
	ws, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !ws.Signaled() {
		return ""
	}
	if name := unix.SignalName(ws.Signal()); name != "" {
		return name
	}
	return ws.Signal().String()
}
