// Package compare sets stage A against stage B, cell by cell and metric by metric.
//
//  1. Bring each side as a [Stage]: its cells with their benchmark lines (a line is
//     a trial), the outcome counts of their requests, why a cell was not run, and
//     what makes it INVALID. Where there are only two benchmark files, [Cells] makes
//     the cells of their lines.
//  2. [Stages] gives a [Result]: a [Row] per cell of either side, in it a [Change]
//     per unit.
//  3. [WriteTable] shows it on a console, [WriteJSON] keeps it.
//
// # How a change is judged
//
// The change is that of the median, in percent, as benchstat gives it. Its interval
// is that of the ratio of the two locations, found by inverting the Mann-Whitney
// test, so it assumes no distribution; the two estimate nearly the same thing, and
// should the point lie outside, the interval is widened to contain it. The p values
// are benchstat's, then corrected by Holm's method over the cells of one metric:
// each metric is a question of its own, asked once per cell.
//
//   - same: the whole interval lies within the tolerance, whatever p says;
//   - better, worse: the corrected p is below 1 − level and the interval excludes 0;
//   - inconclusive: anything else, with the number of trials that would do.
//
// Three things withhold a verdict, however clear the figures: a side that is
// INVALID; a side some of whose requests failed, as the speed of the survivors is
// not the speed of the stage (its ok-% is still judged); a side without figures.
// The last is a result by itself ("baseline OOM at 32768, aiDAPTIV 41 s"): such a
// cell keeps its row, with the outcome of each side.
//
// Samples are taken as independent. Pairing by block, for stages that were
// interleaved, is not done here yet.
package compare
