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
// run last: that is the order in which they get room. With dense, neighbours that
// failed in different ways are joined too.
func laneTexts(s ttftSeries, contexts []int, dense bool) []laneText {
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
		case joins && dense && !t.notRun && !out[len(out)-1].notRun:
			last := &out[len(out)-1]
			last.to = ctx
			if !slices.Contains(strings.Split(last.text, " / "), t.text) {
				last.text += " / " + t.text
			}
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

// drawWalls draws a line down from where a stage began to fail altogether.
func (f ttftFrame) drawWalls(s ttftSeries, aside vg.Length) {
	failed := map[int]bool{}
	for _, m := range s.Marks {
		failed[m.Ctx] = m.All
	}
	before := false
	for _, ctx := range f.contexts {
		if failed[ctx] && !before {
			x := f.x(ctx) + aside
			line(f.area, lookOf(s.Stage).tint, 2, x, f.area.Min.Y, x, f.area.Max.Y, 7, 6)
		}
		before = failed[ctx]
	}
}

// drawLane draws a stage's lane above the curves: signs on its ground, their texts
// over them.
func (f ttftFrame) drawLane(s ttftSeries, base, aside vg.Length) {
	l, a := lookOf(s.Stage), f.area
	mid := base + 14*f.scale
	if len(s.Marks)+len(s.NotRun) > 0 {
		f.face(19).write(a, l.color, a.Min.X-9, mid-6*f.scale, atRight, s.Stage)
	}
	for _, t := range laneTexts(s, f.contexts, false) {
		if t.notRun {
			box(a, light, f.x(t.from)-13*f.scale, mid-5*f.scale, f.x(t.to)+13*f.scale, mid+5*f.scale)
		}
	}
	for _, m := range s.Marks {
		at := vg.Point{X: f.x(m.Ctx) + aside, Y: mid}
		if m.Failed {
			cross(a, l.color, at, 9*f.scale)
		} else {
			marker(a, l, at, 8.5*f.scale, true)
		}
	}
	for _, t := range f.placeLaneTexts(s, aside) {
		clr := l.color
		if t.notRun {
			clr = grey
		}
		t.face.write(a, clr, t.mid, mid+16*f.scale, atCenter, t.text)
	}
}

// placedText is a text with its place in the lane.
type placedText struct {
	laneText
	face typeface
	mid  vg.Length
}

// placeLaneTexts finds room for all texts: in smaller letters where there is too
// little, and then joined further. Where nothing helps, the first ones have room, and
// of the others the sign alone tells.
func (f ttftFrame) placeLaneTexts(s ttftSeries, aside vg.Length) []placedText {
	var some []placedText
	for _, dense := range []bool{false, true} {
		texts := laneTexts(s, f.contexts, dense)
		for _, size := range []vg.Length{22, 18, 15} {
			var taken spans
			var placed []placedText
			for _, t := range texts {
				if p, ok := f.placeLaneText(t, aside, size, &taken); ok {
					placed = append(placed, p)
				}
			}
			if len(placed) == len(texts) {
				return placed
			}
			if !dense {
				some = placed
			}
		}
	}
	return some
}

func (f ttftFrame) placeLaneText(t laneText, aside, size vg.Length, taken *spans) (placedText, bool) {
	p := placedText{laneText: t, face: f.face(size)}
	p.face.bold = !t.notRun
	w := p.face.width(t.text)
	p.mid = clampText((f.x(t.from)+f.x(t.to))/2+aside, w, f.area.Min.X, f.area.Max.X)
	return p, w <= f.area.Max.X-f.area.Min.X && taken.take(p.mid-w/2, p.mid+w/2)
}
