// Package session is one measuring process: it takes the cells of a stage one after
// another and turns them into records.
//
//  1. [Open] finds the server, learns to count its tokens, opens the stage's journal
//     and starts the telemetry.
//  2. [Session.Trial] measures the next trial of a cell: its warm-ups when the cell is
//     new, its prompts (made before the clock runs), R requests in a closed loop, a
//     class for each; then it writes the journal, and only then returns. A trial that
//     the journal already holds is not measured again but given back.
//  3. [Session.Ended] says whether the sweep goes on: after a context at which no
//     request was ok, larger ones are not run, and a dead server ends the stage.
//  4. [Session.Close] writes how it ended.
//
// The suite in benchmarks is one user of it, `aibench quick` another.
package session
