package report

import (
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
)

// laneText is a text over one context or several neighbours.
type laneText struct {
	from, to int // contexts
	text     string
	notRun   bool
}

// laneTexts joins neighbours of the same text, those with OOM first and what was not
// run last: that is the order in which they get room.
func laneTexts(s ttftSeries, contexts []int) []laneText {
	at := map[int]laneText{}
	for _, m := range s.Marks {
		at[m.Ctx] = laneText{m.Ctx, m.Ctx, m.Text, false}
	}
	for _, ctx := range s.NotRun {
		at[ctx] = laneText{ctx, ctx, "not run", true}
	}
	var out []laneText
	joins := false
	for _, ctx := range contexts {
		t, ok := at[ctx]
		switch {
		case !ok:
			joins = false
			continue
		case joins && out[len(out)-1].text == t.text:
			out[len(out)-1].to = ctx
		default:
			out = append(out, t)
		}
		joins = true
	}
	rank := func(t laneText) int {
		switch {
		case t.notRun:
			return 2
		case strings.Contains(t.text, "OOM"):
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b laneText) int { return rank(a) - rank(b) })
	return out
}

// drawLane draws a stage's lane above the curves: signs on its ground, their texts
// over them. aside keeps the lines that go down from the lanes of two stages apart.
func (f ttftFrame) drawLane(s ttftSeries, base, gutter, aside vg.Length) {
	l, a := lookOf(s.Stage), f.area
	mid := base + 14*f.scale
	if len(s.Marks)+len(s.NotRun) > 0 {
		f.face(19).write(a, l.color, a.Min.X-9, mid-6*f.scale, atRight, s.Stage)
	}
	var taken spans
	for _, t := range laneTexts(s, f.contexts) {
		from, to := f.x(t.from), f.x(t.to)
		clr := l.color
		if t.notRun {
			clr = grey
			box(a, light, from-13*f.scale, mid-5*f.scale, to+13*f.scale, mid+5*f.scale)
		}
		f.writeLaneText(t, (from+to)/2, mid+16*f.scale, clr, &taken)
	}
	for _, m := range s.Marks {
		x := f.x(m.Ctx)
		if m.Failed {
			line(a, l.tint, 1.8, x+aside, a.Min.Y, x+aside, base, 7, 6)
			cross(a, l.color, vg.Point{X: x, Y: mid}, 9*f.scale)
			continue
		}
		marker(a, l, vg.Point{X: x, Y: mid}, 8.5*f.scale, true)
	}
}

// writeLaneText tries smaller letters, then the first of several reasons; what has no
// room even then is told by its sign alone.
func (f ttftFrame) writeLaneText(t laneText, x, y vg.Length, clr interface {
	RGBA() (r, g, b, a uint32)
}, taken *spans) {
	first, _, _ := strings.Cut(t.text, ",")
	for _, text := range []string{t.text, first} {
		for _, size := range []vg.Length{22, 18, 15} {
			face := f.face(size)
			face.bold = !t.notRun
			w := face.width(text)
			mid := clampText(x, w, f.area.Min.X, f.area.Max.X)
			if taken.take(mid-w/2, mid+w/2) {
				face.write(f.area, clr, mid, y, atCenter, text)
				return
			}
		}
	}
}
