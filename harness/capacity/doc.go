// Package capacity says how much a server can carry: the most users, or the longest
// context, with which it still meets objectives. It decides; it never sleeps, and
// never talks to a server.
//
// To find a capacity:
//
//  1. read the objectives: [Parse] of "ttft-p90=10s,decode=20tok/s,ok=99%";
//  2. make a [Search] over users ([Users]) or tokens of context ([Contexts]);
//  3. make a [Rule] from the objectives, the search's StepError and the most requests
//     that one step may cost;
//  4. while [Search.Next] gives an x: take a new [Step] from the rule, send at x as
//     many requests as [Step.Want] asks for (a multiple of the users, rounded up, is
//     fine), [Step.Add] their records, until it wants none, and [Search.Record] its
//     decision;
//  5. [Search.Result] is the bracket. Show it with its warnings.
//
// [Goodput] needs only the first: it counts the requests of a trial that meet every
// objective.
//
// # What an objective means
//
// "ttft-p90=10s" says that a request has its first token within 10 s with a
// probability of at least 0.90. The percentile of a sample is not compared with 10 s:
// it is a guess that is wrong half of the time where the truth is near. Instead each
// request meets the limit or does not, and the probability is bounded from below and
// above by the binomial distribution (Clopper and Pearson; nothing is assumed about
// how latencies are distributed). A step passes where the lower bound reaches 0.90,
// fails where the upper bound is below it, and asks for more requests in between. At
// the cap it stays undecided: that counts as not met, and the result says so.
//
// "decode=20tok/s", without a percentile, is of the median: at least half of the
// requests decode at 20 tok/s or more. The median is the figure that a benchmark line
// and every table of this project show for a cell, so the bare objective speaks of
// the number that people read there. Who wants every user served writes decode-p90
// or decode-p99. "ok=99%" is a share by itself: at least 99 of 100 requests come back
// with class ok. A request that failed, or left no record, meets nothing. One that is
// ok and lacks the figure (one token has no TPOT) is unknown: it is taken for the
// worse in both bounds, so it can keep a step undecided, and never decides one.
//
// # How sure it is
//
// A step looks at its requests several times. K looks, each at an error of 5 %, would
// be wrong in up to K·5 %: each look therefore has the step's error divided by K
// (Bonferroni). That is a little wasteful, since looks share data, and it leaves the
// bound at each look one that a reader can check with a table. For several objectives
// the failing side is divided once more by their number, as one wrong "fails" makes
// the step wrong; passing needs all of them to pass, which needs no correction. The
// sizes of the looks are fixed before the first request.
//
// A bracket is wrong if one of its steps was decided wrongly, so its error is at most
// the sum over the steps (the union bound), however the steps were chosen. The search
// knows the most steps it can take, [Search.MaxSteps], and gives each its part of the
// bracket's error: at 0.95 and 25 steps a step is decided at 99.8 %, which makes a
// clear step about twice as long as one at 95 %.
//
// Two things are assumed, and named where the data speak against them. More load is
// never easier: a pass above a failure becomes a warning, but a bisection can't see
// what it does not visit. And requests at one load are independent: where the shares
// of a step's batches differ more than chance allows, its decision has a warning, for
// then the bounds are surer than they should be.
package capacity
