// Package verdict says what a request's facts mean and which figures may be believed.
//
//  1. [Classify] gives each request exactly one outcome class, from the facts in its
//     record and from what is known of the server's process, with the evidence.
//  2. [Validate] looks at all requests of a cell in one stage and says whether the
//     cell's figures are VALID, INVALID or INCONCLUSIVE, with reasons.
//
// Both are pure functions: a run's classes can be recomputed from its journal. The
// texts by which servers announce a lack of memory are data ([Signatures]), each
// with its origin.
package verdict
