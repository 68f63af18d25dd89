package verdict

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"aibench/harness/record"
)

// loop is a trial of requests that start one after the other for each user, each
// taking took ns and followed by lost ns that no latency shows.
func loop(users, each int, took, lost int64) record.TrialData {
	var t record.TrialData
	for u := range users {
		at := int64(0)
		for range each {
			t.Requests = append(t.Requests, record.Request{User: u, Intended: record.Some(at), End: record.Some(at + took)})
			at += took + lost
			t.Trial.End = max(t.Trial.End, at)
		}
	}
	t.Trial.Requests = len(t.Requests)
	return t
}

func TestLittlesLaw(t *testing.T) {
	tail := loop(8, 10, 100, 0)
	// One slow request of one user holds the end of the trial for nine times its
	// fellows' time: the others have no work left.
	tail.Requests[len(tail.Requests)-1].End = record.Some[int64](900 + 900)
	tail.Trial.End = 1800
	unknown := loop(4, 10, 100, 50)
	unknown.Requests[3].End = record.Opt[int64]{}
	for _, c := range []struct {
		name  string
		trial record.TrialData
		users int
		valid bool
	}{
		{"all busy", loop(4, 10, 100, 0), 4, true},
		{"one user", loop(1, 10, 100, 0), 1, true},
		{"a tenth lost between the requests", loop(1, 10, 100, 10), 1, true},
		{"a third lost between the requests", loop(1, 10, 100, 50), 1, false},
		{"a third lost, and the tail excuses 3 of 40", loop(4, 10, 100, 50), 4, false},
		{"too few requests a user to tell", loop(4, 3, 100, 300), 4, true},
		{"a slow last request", tail, 8, true},
		{"more busy than there are", loop(5, 10, 100, 0), 4, false},
		{"fewer requests than users", loop(2, 1, 100, 0), 8, true},
		{"an instant is missing", unknown, 4, true},
		{"nothing", record.TrialData{}, 4, true},
	} {
		v := Validity{Status: Valid}.HoldClosedLoop([]record.TrialData{c.trial}, c.users)
		assert.Equal(t, c.valid, v.Status == Valid, "%s: %v", c.name, v.Reasons)
	}
	v := Validity{Status: Valid}.HoldClosedLoop([]record.TrialData{loop(4, 10, 100, 0), loop(4, 10, 100, 50)}, 4)
	assert.Equal(t, []string{"Little's law is off by more than 10 % in 1 of 2 trials: of 4 users 2.7 were busy on average, by rate x latency"}, v.Reasons)
}
