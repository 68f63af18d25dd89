//go:build unix

package benchmarks

import "syscall"

// withoutTerminal starts a process that has no controlling terminal.
func withoutTerminal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
