// Package stage is A and B: the baseline and the aidaptiv stage of a run, what
// has to be switched between them, and the server process that answers in each.
//
// The way through a stage:
//
//  1. [PlanStages] turns "all", "baseline" or "aidaptiv" into the stages to run.
//  2. Each stage has a [Config]. Start from [DefaultConfig]; [Config.Expand] puts
//     the port and the run id into its command; [Config.Validate] says what is
//     missing before anything is started.
//  3. With Toggle manual, [Pause] asks the user to switch and waits for Enter.
//     With Toggle external somebody else has switched already, say by a reboot
//     between the stages.
//  4. With Toggle process, [Start] starts the server, [Process.WaitReady] waits
//     until its health URL answers 200, and [Process.Stop] ends it with all its
//     children.
//  5. While it runs, the state file tells every other process how the server is:
//     the measuring process, a sibling, learns by [ReadState] or [AwaitExit] that
//     it died, by which signal, with which last words, and whether the kernel
//     killed it for lack of memory ([Exit]).
//
// # What becomes of the server when aibench itself is killed
//
// On Linux the kernel then kills the process that was started (parent-death
// signal), on Windows the whole job. On Linux this reaches the process itself and
// not its children: give the server's own argv and not that of a wrapper script.
// On macOS and other systems nothing ends it; the next Start finds its port in
// use and says so.
package stage
