package verdict

import (
	"fmt"

	"aibench/harness/record"
)

// littleTolerance is the share by which users and rate x latency may differ.
const littleTolerance = 0.10

// littleRequests is how many requests a user a trial needs to be judged by the law.
const littleRequests = 4

// closedLoop holds trials of a closed loop against Little's law: so many users should
// be busy at all times, as nobody thinks. The sum of what each request took, from
// intent to the end of its stream, over the time of the trial is the number that were
// (rate x mean latency). The difference is time that no latency shows.
//
// A trial's end leaves users without work while the last requests run: at most all but
// one of them, for as long as the longest request. So much may be missing besides.
// Trials in which a request lacks an instant are not judged, nor those of less than
// littleRequests a user, which are mostly beginning and end. broken counts trials
// that break the law, and busy is the users of the first of them.
func closedLoop(trials []record.TrialData, users int) (broken int, busy float64) {
	for _, t := range trials {
		wall := float64(t.Trial.End - t.Trial.Start)
		sum, longest, known := latencies(t.Requests)
		if !known || wall <= 0 || users < 1 || len(t.Requests) < littleRequests*users {
			continue
		}
		idle := float64(users-1) * longest
		most := float64(users) * wall
		if sum > most*(1+littleTolerance) || sum+idle < most*(1-littleTolerance) {
			if broken++; broken == 1 {
				busy = sum / wall
			}
		}
	}
	return broken, busy
}

// latencies sums from intent to end over all requests, the failed too; ns.
func latencies(rs []record.Request) (sum, longest float64, known bool) {
	for i := range rs {
		from, ok := rs[i].Intended.Get()
		to, ended := rs[i].End.Get()
		if !ok || !ended {
			return 0, 0, false
		}
		sum += float64(to - from)
		longest = max(longest, float64(to-from))
	}
	return sum, longest, len(rs) > 0
}

// HoldClosedLoop makes a verdict INVALID where Little's law does not hold in a closed
// loop of so many users.
func (v Validity) HoldClosedLoop(trials []record.TrialData, users int) Validity {
	broken, busy := closedLoop(trials, users)
	if broken == 0 {
		return v
	}
	v.Status = Invalid
	v.Reasons = append(v.Reasons, fmt.Sprintf("Little's law is off by more than 10 %% in %d of %d trials: of %d users %.1f were busy on average, by rate x latency",
		broken, len(trials), users, busy))
	return v
}
