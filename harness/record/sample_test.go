package record

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"time"
)

// epoch is the session epoch of the tests.
var epoch = time.Date(2026, 11, 21, 9, 30, 0, 123456789, time.UTC)

// sampleRequest is an ok request with n text events, 1 ms apart, between its role and
// finish events.
func sampleRequest(cell string, trial, index, n int) Request {
	r := Request{
		Type: typeRequest, Session: 1, Cell: cell, Trial: trial, Index: index, User: index,
		Intended: Some[int64](1_000_000), Start: Some[int64](1_200_000), Wrote: Some[int64](1_300_000),
		Headers: Some[int64](50_000_000), First: Some[int64](101_200_000), Answer: Some[int64](101_200_000),
		Last: Some(101_200_000 + int64(n-1)*1_000_000), ConnReused: true, Stamp: "user",
		PromptWanted: 1024, PromptSent: 1024, PromptSource: "endpoint",
		PromptTokens: Some(1024), CachedTokens: Some(0), CompletionTokens: Some(n), TokenSource: "server",
		OutputWanted: n, OutputPinned: true, Status: 200, FinishReason: "length", Terminated: true,
		Prompt: "b1946ac92492d234", Text: strings.Repeat("word ", n), Outcome: OK,
	}
	r.Done = Some(r.Last.Or(0) + 100)
	r.End = Some(r.Last.Or(0) + 200)
	r.Events.Kind = "e" + strings.Repeat("t", n) + "f"
	r.Events.Arrive = make([]int64, n+2)
	for k := range r.Events.Arrive {
		r.Events.Arrive[k] = 99_000_000 + int64(k)*1_000_000
	}
	return r
}

// randomRequest fills every field of a Request at random, by reflection, so that a
// field added later is covered too. Events stay of equal length, as the ledger wants.
func randomRequest(rng *rand.Rand) Request {
	var r Request
	fill := func(v reflect.Value) {
		switch p := v.Addr().Interface().(type) {
		case *Opt[int64]:
			if rng.IntN(3) > 0 {
				*p = Some(rng.Int64() - rng.Int64())
			}
		case *Opt[int]:
			if rng.IntN(3) > 0 {
				*p = Some(rng.IntN(5) - 1)
			}
		case *Events:
			for range rng.IntN(5) {
				p.Arrive = append(p.Arrive, rng.Int64())
				p.Kind += string("trcefu"[rng.IntN(6)])
			}
		case **Failure:
			if rng.IntN(2) > 0 {
				*p = &Failure{Kind: FailReset, Message: randomText(rng)}
			}
		case *string:
			*p = randomText(rng)
		case *Outcome:
			*p = Outcomes[rng.IntN(len(Outcomes))]
		case *int:
			*p = rng.IntN(1 << 40)
		case *bool:
			*p = rng.IntN(2) > 0
		default:
			panic("randomRequest does not know " + v.Type().String())
		}
	}
	for i := range reflect.TypeFor[Request]().NumField() {
		fill(reflect.ValueOf(&r).Elem().Field(i))
	}
	r.Type = typeRequest
	return r
}

func randomText(rng *rand.Rand) string {
	pieces := []string{"a", "=cmd|' /C calc'!A0", "\n", "\r\n", "\"", "\\", "\x00", "é", "😀", "\u2028", "<b>", "\ufffd", "日本語", "\x7f"}
	var b strings.Builder
	for range rng.IntN(4) {
		b.WriteString(pieces[rng.IntN(len(pieces))])
	}
	return b.String()
}
