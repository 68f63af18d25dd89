// Package load decides WHEN requests start. It knows nothing of HTTP or of LLMs: it
// calls a function.
//
//  1. Choose who sets the pace. [ClosedLoop]: a number of users, each of whom sends
//     its next request when its last has ended, after a time to think. [OpenLoop]: an
//     arrival process, which asks nobody whether the last answer has come.
//  2. Describe the time as phases: [Phase] by [Phase], each with a length or a number
//     of requests. Those that bring the server into its stride (a ramp, a warm-up)
//     are not Counted; nothing pauses between one phase and the next.
//  3. Give each phase of an open loop a [Pacer]: [Constant], [Poisson] or [Ramp].
//     Pacers are pure: [Phase.Size] tells before the run how many requests there will
//     be and how long it will take, so that all prompts can be made before the first
//     start.
//  4. Run it. Each call carries its [Slot]: the request's numbers, its user, its
//     phase, and the instant at which the schedule wanted it to start. That instant
//     is never moved. What is lost between it and the real start (a full house, a
//     late timer, a busy machine) is queue delay, and latency counted from it is what
//     a user who came at that time would have seen.
//  5. Look at the [Result] of each phase: every planned request has either finished
//     or was canceled since the context ended; [Result.Unaccounted] is 0.
//  6. In a closed loop hold the figures against each other with [LittlesLaw].
//
// Under testing/synctest all instants are exact.
package load
