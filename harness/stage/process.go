package stage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Process is a server that aibench started and watches.
type Process struct {
	cfg     Config
	log     *serverLog
	started time.Time
	pid     int
	group   processGroup
	oom     *oomWatch

	stopping  atomic.Bool  // Stop was called: an exit from now on is on purpose
	killedAt  atomic.Int64 // Unix ns of the SIGKILL to the group; 0: none
	stateFile sync.Mutex   // one writer at a time
	stateErr  error        // first failure to write the state file
	stopOnce  sync.Once
	exit      Exit // valid once done is closed
	done      chan struct{}
}

// Start starts the stage's server in a process group of its own, so that Ctrl-C
// on the terminal reaches aibench alone and Stop reaches all of the server. It
// refuses when something accepts connections at the health address already. When
// ctx ends the server is stopped as by Stop.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	if err := cfg.validateProcess(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	addr, _ := healthAddress(cfg.Health) // validated above
	if err := portInUse(ctx, addr); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	log, err := openLog(cfg.LogPath)
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	p := &Process{cfg: cfg, log: log, started: time.Now(), done: make(chan struct{})}
	launched := make(chan error)
	go p.supervise(p.command(), launched)
	if err := <-launched; err != nil {
		log.close()
		return nil, fmt.Errorf("start server: %w", err)
	}
	unhook := context.AfterFunc(ctx, func() { p.Stop() })
	go func() { <-p.done; unhook() }()
	return p, nil
}

func (p *Process) command() *exec.Cmd {
	cmd := exec.Command(p.cfg.Command[0], p.cfg.Command[1:]...)
	cmd.Dir = p.cfg.Dir
	cmd.Env = os.Environ()
	for k, v := range p.cfg.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	slices.Sort(cmd.Env[len(cmd.Env)-len(p.cfg.Env):])
	// The file itself, not a pipe through aibench: a chatty server must cost the
	// measurement nothing, and its last words survive a kill of aibench.
	cmd.Stdout, cmd.Stderr = p.log.file, p.log.file
	cmd.SysProcAttr = groupAttributes()
	return cmd
}

// supervise starts the process and sees it to its end on one OS thread: Linux
// sends the parent-death signal when the thread that forked ends, which without
// the lock could be at any time.
func (p *Process) supervise(cmd *exec.Cmd, launched chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.launch(cmd); err != nil {
		launched <- err
		return
	}
	launched <- nil

	awaitZombie(p.pid)
	onPurpose := p.stopping.Load()
	oomAfter := p.oom.after()
	err := cmd.Wait()
	exit := Exit{Code: cmd.ProcessState.ExitCode(), Signal: signalName(cmd.ProcessState), Stopped: onPurpose, At: time.Now()}
	if err != nil && cmd.ProcessState.Success() {
		exit.Code = -1 // Wait itself failed: the status is not known
	}
	exit.OOMKill, exit.OOMEvidence = judgeOOM(p.oom.before(), oomAfter)
	exit.Tail = p.log.tail()
	p.exit = exit
	p.saveState(State{PID: p.pid, Started: p.started, Exit: &exit})
	p.endGroup()
	p.log.close()
	close(p.done)
}

func (p *Process) launch(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	p.pid = cmd.Process.Pid
	p.oom = watchOOM(p.pid)
	var err error
	if p.group, err = joinGroup(cmd.Process); err == nil {
		err = writeState(p.cfg.StatePath, State{PID: p.pid, Started: p.started, Running: true})
	}
	if err != nil {
		p.group.kill()
		cmd.Process.Kill()
		cmd.Wait()
	}
	return err
}

// zombieGrace is how long killed members of the group may linger: one that hangs
// in a driver call may do so for ever.
const zombieGrace = 2 * time.Second

// endGroup returns once no process of the group is left. Children of a server
// that died are killed at once, since they hold its port and its memory; those of
// one that is being stopped have until Stop loses patience.
func (p *Process) endGroup() {
	if !p.stopping.Load() {
		p.kill()
	}
	for !p.group.empty() {
		if at := p.killedAt.Load(); at != 0 && time.Since(time.Unix(0, at)) > zombieGrace {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *Process) kill() {
	p.group.kill()
	p.killedAt.Store(time.Now().UnixNano())
}

// Stop ends the server and all its children: SIGTERM, after StopTimeout SIGKILL.
// It returns when they are gone, and may be called again and from anywhere.
func (p *Process) Stop() Exit {
	p.stopOnce.Do(func() {
		p.stopping.Store(true)
		if p.cfg.StopTimeout > 0 {
			p.group.terminate()
			patience := time.NewTimer(p.cfg.StopTimeout)
			defer patience.Stop()
			select {
			case <-p.done:
				return
			case <-patience.C:
			}
		}
		select {
		case <-p.done: // the number of the group may belong to others by now
		default:
			p.kill()
		}
	})
	<-p.done
	return p.exit
}

// Exited tells how the server ended, and whether it has.
func (p *Process) Exited() (Exit, bool) {
	select {
	case <-p.done:
		return p.exit, true
	default:
		return Exit{}, false
	}
}

// Done is closed when the server and its children are gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the process id of the server, the root of its process tree.
func (p *Process) PID() int { return p.pid }

// StateErr is the first failure to write the state file after the start; nil:
// none. Where it isn't nil, the measuring process did not learn of the exit.
func (p *Process) StateErr() error {
	p.stateFile.Lock()
	defer p.stateFile.Unlock()
	return p.stateErr
}

func (p *Process) saveState(s State) {
	p.stateFile.Lock()
	defer p.stateFile.Unlock()
	if err := writeState(p.cfg.StatePath, s); err != nil && p.stateErr == nil {
		p.stateErr = err
	}
}
