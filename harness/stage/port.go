package stage

import (
	"context"
	"fmt"
	"net"
	"time"
)

// FreePort returns a TCP port of the loopback interface that was free a moment
// ago. Nothing reserves it: use it soon.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("no free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// portInUse says so if anything accepts connections at addr. Measuring a server
// left over from another run would look like success: its answers are those of
// the wrong stage.
func portInUse(ctx context.Context, addr string) error {
	d := net.Dialer{Timeout: 2 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil
	}
	conn.Close()
	return fmt.Errorf("%s is already in use by another server: stop it, or give {port}", addr)
}
