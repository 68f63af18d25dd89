// Package report makes what people look at from what the journals say.
//
//  1. [Load] reads one stage of a run: its cells with their trials, outcome counts
//     and validity. Nothing but the journal is read.
//  2. [WriteStage] writes the stage's derived files: bench_{stage}.txt (what
//     benchstat reads), results_{stage}.json, requests_{stage}.csv.
//  3. [Compare] sets the stages of a run side by side; [WriteConsole] prints that.
//  4. [WriteExplanation] gives the same requests by the definitions of other tools.
//  5. [WriteRun] does all of it for a run directory, and draws the charts. It may be
//     called as often as one likes: the same journals give the same files.
package report
