// Package record is what happened: requests, trials and sessions as raw facts, the
// write-ahead journal that keeps them, and the run directory around it. It measures
// nothing and judges nothing; every figure of a run can be computed again from what
// this package has stored.
//
// To keep the records of one stage of a run:
//
//  1. Make the run's directory with [Create] (or [Open] it to continue a run). Create
//     fails before anything is measured where the disk is full or can't be written.
//  2. Open the stage's journal, OpenJournal(dir.Journal("baseline")). It is locked for
//     this process; the [Log] that comes with it says what earlier sessions measured.
//     Ask [Log.Finished] before each trial, and do none twice.
//  3. [Journal.Begin] a session. Its epoch is the zero of every instant that follows.
//  4. Hand each request to [Journal.Request] when it has ended, warm-ups (trial 0)
//     too, and after all requests of a trial the trial itself to [Journal.Trial]. A
//     trial counts from the moment that Trial has returned nil; a kill or a power cut
//     after that does not lose it.
//  5. Cells that were planned and left out go to [Journal.NotRun], remarks to
//     [Journal.Note]; close with [Journal.End] and [Journal.Close].
//  6. Derive the files for people: [WriteRequestsCSV] through [WriteFile], which never
//     leaves half a file behind.
//
// To read records, also while they are being written: [ReadLogFile].
//
// The durations of one request (TTFT, TPOT, gaps and so on) are methods of [Request];
// package metric calls them, so that each definition stands in one place.
//
// # The journal's format
//
// One JSON object a line, each with its kind in "type": session, request, trial,
// not_run, note, end. The lines of a session follow its session line, the trial's line
// follows those of its requests. The ledger (ledger.go) holds these rules, for reading
// and for writing. A last line without its newline is torn: the process was killed
// while writing it. It is dropped and counted in Log.Torn, and Begin leaves a note.
// Anything else that can't be read is an error with file and line: a journal that is
// damaged in its middle must not quietly give fewer trials.
package record
