// Package metric says what every figure of a run is, and is the only place that
// spells a unit or writes a line of the Go benchmark format.
//
// The way of the figures:
//
//  1. [OfRequest] computes the figures of one request from its stamps and counts;
//  2. [OfTrial] makes the values of one trial of them, which is one benchmark line;
//  3. the suite prints them with [Report], after [WriteUnits] once; whoever
//     rebuilds a file from the journal prints the same with [WriteFile];
//  4. [ReadFile] gets the lines back, and [Format] shows a value to people.
//
// To add a metric, add an entry to the catalogue (catalogue.go), then run the
// tests with -update and read the difference of catalogue.md, the table that
// [Table] generates. A unit is `<what>-<stat>-<unit>`: nanoseconds and bytes, never
// ms or MB, because benchstat scales ns and B for people and not ms, and because
// two units that it tidies to one would merge silently.
package metric
