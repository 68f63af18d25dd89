//go:build linux && (amd64 || arm64 || riscv64 || loong64 || ppc64le || s390x)

package client

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stampFlags ask for the instant at which the network stack took in a packet.
const stampFlags = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE

// setStamps asks the kernel for stamps on a socket.
func setStamps(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, stampFlags)
}

// kernelStamps reads with recvmsg, which brings the stamp beside the data. Its calls
// reuse one header and one room for the answer: a read allocates nothing. net/http
// reads a connection in one goroutine at a time.
type kernelStamps struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	wall *wallClock
	try  func(fd uintptr) bool // receive, bound once

	message unix.Msghdr
	vector  unix.Iovec
	control [64]byte // room for one stamp: a header and three instants
	most    int      // bytes wanted
	typical int      // bytes of the latest packet that was told apart
	n       int
	errno   syscall.Errno
}

// readStamped makes a connection tell the kernel's stamps; nil: it can't.
func readStamped(conn net.Conn, wall *wallClock, set func(fd int) error) arrivals {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	if e := raw.Control(func(fd uintptr) { err = set(int(fd)) }); e != nil || err != nil {
		return nil
	}
	k := &kernelStamps{conn: tcp, raw: raw, wall: wall}
	k.try = k.receive
	k.message.Iov = &k.vector
	k.message.SetIovlen(1)
	return k
}

func (k *kernelStamps) Read(p []byte) (int, arrival, error) {
	if len(p) == 0 {
		return 0, arrival{}, nil
	}
	k.vector.Base = &p[0]
	k.most = len(p)
	err := k.raw.Read(k.try)
	k.vector.Base = nil
	now, wall := k.wall.both()
	switch {
	case err != nil:
		return 0, arrival{}, err
	case k.errno != 0:
		return 0, arrival{}, &net.OpError{Op: "read", Net: "tcp", Source: k.conn.LocalAddr(), Addr: k.conn.RemoteAddr(),
			Err: os.NewSyscallError("recvmsg", k.errno)}
	case k.n == 0:
		return 0, arrival{}, io.EOF
	}
	return k.n, k.wall.arrival(k.stamp(), now, wall), nil
}

// late is how old the first byte may be for a read to take all there is, ns: events
// that are read together then came within this of each other.
const late = int64(100_000)

// receive makes one read; false: there is nothing to read yet. A read has one stamp,
// that of its last packet. So it looks at the first byte's stamp first, and where the
// data has waited for us, takes one packet only. (Costs a call more an event, 3 % of
// the client's CPU. Without it, on a busy machine, half of the events at 20 ms had the
// stamp of a later one. It helps as long as the kernel keeps the packets apart: those
// that are acknowledged and unread it may merge, and then the latest stamp is all
// there is.)
func (k *kernelStamps) receive(fd uintptr) bool {
	switch k.call(fd, 1, look); {
	case k.errno == syscall.EAGAIN:
		return false
	case k.errno != 0 || k.n == 0:
		return true // a look takes an error away as a read does
	}
	most := k.most
	if first := k.stamp(); first != 0 {
		if now, wall := k.wall.both(); wall-first > late && k.wall.apart.spend(now) {
			most = k.together(fd, first)
		}
	}
	k.call(fd, most, 0)
	return true
}

// look asks for a stamp and leaves the data where it is.
const look = unix.MSG_PEEK | unix.MSG_TRUNC

// together finds how many bytes, of most, have the stamp of the first. Where a look
// fails, the read that follows will say why.
func (k *kernelStamps) together(fd uintptr, first int64) int {
	k.call(fd, k.most, look)
	if k.errno != 0 || k.n <= 1 || k.stamp() == first {
		return k.most
	}
	k.typical = boundary(k.n, k.typical, func(n int) bool {
		k.call(fd, n, look)
		return k.stamp() == first
	})
	return k.typical
}

// call makes one call for at most n bytes. It can't block, so the scheduler need not
// hear of it (as it would by unix.Recvmsg).
func (k *kernelStamps) call(fd uintptr, n int, flags uintptr) {
	k.vector.SetLen(n)
	for {
		k.message.Control = &k.control[0]
		k.message.SetControllen(len(k.control))
		n, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&k.message)), unix.MSG_DONTWAIT|flags)
		if errno != syscall.EINTR {
			k.n, k.errno = int(n), errno
			return
		}
	}
}

// stamp finds the packet's instant in the answer; 0: there is none, as for what
// arrived while the kernel was still switching its stamps on.
func (k *kernelStamps) stamp() int64 {
	const head = unix.SizeofCmsghdr
	if int(k.message.Controllen) < head+int(unsafe.Sizeof(unix.Timespec{})) {
		return 0
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&k.control[0]))
	if h.Level != unix.SOL_SOCKET || h.Type != unix.SCM_TIMESTAMPING {
		return 0
	}
	return (*unix.Timespec)(unsafe.Pointer(&k.control[head])).Nano()
}
