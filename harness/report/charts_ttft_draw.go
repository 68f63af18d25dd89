package report

import (
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ttftFrame is a panel's coordinate system.
type ttftFrame struct {
	area     draw.Canvas // of the curves
	contexts []int
	lo, hi   float64   // range of the y axis, seconds
	scale    vg.Length // of fonts and signs: 1 on a page of one panel
}

func (f ttftFrame) x(ctx int) vg.Length {
	inset := 44 * f.scale
	from, to := f.area.Min.X+inset, f.area.Max.X-inset
	first, last := math.Log2(float64(f.contexts[0])), math.Log2(float64(f.contexts[len(f.contexts)-1]))
	if first == last {
		return (from + to) / 2
	}
	return from + (to-from)*vg.Length((math.Log2(float64(ctx))-first)/(last-first))
}

// decade is the height of a decade, points.
func (f ttftFrame) decade() float64 {
	return float64(f.y(f.hi)-f.y(f.lo)) / math.Log10(f.hi/f.lo)
}

// aside is how far stage i of n stands beside its context, so that stages of about
// the same TTFT don't hide each other.
func (f ttftFrame) aside(i, n int) vg.Length {
	step := 9 * f.scale
	for k := 1; k < len(f.contexts); k++ {
		step = min(step, (f.x(f.contexts[k])-f.x(f.contexts[k-1]))/5)
	}
	return step * vg.Length(2*i-(n-1))
}

func (f ttftFrame) y(seconds float64) vg.Length {
	inset := 8 * f.scale // a marker's radius
	from, to := f.area.Min.Y+inset, f.area.Max.Y-inset
	return from + (to-from)*vg.Length(math.Log(seconds/f.lo)/math.Log(f.hi/f.lo))
}

// size is a font's size in this panel.
func (f ttftFrame) face(size vg.Length) typeface {
	return typeface{size: vg.Length(math.Round(float64(size * f.scale)))}
}

func (c ttftChart) draw(page draw.Canvas) {
	room := drawHead(page, c.Head, c.legend())
	n := len(c.Panels)
	scale := vg.Length(1)
	switch {
	case n > 4:
		scale = 0.7
	case n > 1:
		scale = 0.82
	}
	title := typeface{size: 21}
	title.write(room, grey, room.Min.X, room.Max.Y-20, atLeft, "TTFT, seconds (log scale)")
	title.write(room, grey, (room.Min.X+room.Max.X)/2, room.Min.Y+24, atCenter, "context length, tokens"+c.unitHint())
	lo, hi := c.range_()
	for i, tile := range gridOf(draw.Crop(room, 0, 0, 50, -30), n, 26) {
		c.drawPanel(tile, c.Panels[i], ttftFrame{contexts: c.Contexts, lo: lo, hi: hi, scale: scale})
	}
}

// unitHint explains the K of the tick labels, where there is one.
func (c ttftChart) unitHint() string {
	for _, ctx := range c.Contexts {
		if contextLabel(ctx) != strconv.Itoa(ctx) {
			return " (1K = 1024)"
		}
	}
	return ""
}

// range_ is that of all values drawn, in seconds.
func (c ttftChart) range_() (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	for _, p := range c.Panels {
		for _, s := range p.Series {
			for _, pt := range s.Points {
				for _, v := range pt.Trials { // the interval lies among them
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
	}
	return logRange(lo, hi)
}

// legend explains the stages, and of the signs those that are there.
func (c ttftChart) legend() []legendItem {
	var items []legendItem
	var interval, dots, failed, doubted bool
	for _, p := range c.Panels {
		for _, s := range p.Series {
			for _, pt := range s.Points {
				interval = interval || pt.Lo.Has()
				dots = dots || len(pt.Trials) > 1
				doubted = doubted || !pt.Trusted
			}
			for _, m := range s.Marks {
				failed = failed || m.Failed
			}
		}
	}
	for _, s := range c.Panels[0].Series {
		l := lookOf(s.Stage)
		items = append(items, legendItem{s.Stage + ", median", func(c draw.Canvas, at vg.Point) {
			line(c, l.color, 3.5, at.X-legendSign/2, at.Y, at.X+legendSign/2, at.Y)
			marker(c, l, at, 8, false)
		}})
	}
	add := func(there bool, text string, sign func(draw.Canvas, vg.Point)) {
		if there {
			items = append(items, legendItem{text, sign})
		}
	}
	add(interval, "95 % interval", func(c draw.Canvas, at vg.Point) {
		drawInterval(c, look{color: ink}, at.X, at.Y-12, at.Y+12, 8)
	})
	add(dots, "one trial", func(c draw.Canvas, at vg.Point) { dot(c, light, at, 4, false) })
	add(doubted, "not VALID", func(c draw.Canvas, at vg.Point) {
		marker(c, look{color: ink}, at, 8, true)
	})
	add(failed, "failed requests", func(c draw.Canvas, at vg.Point) { cross(c, ink, at, 8) })
	return items
}

func drawInterval(c draw.Canvas, l look, x, lo, hi, half vg.Length) {
	line(c, l.color, 2.2, x, lo, x, hi)
	line(c, l.color, 2.2, x-half, lo, x+half, lo)
	line(c, l.color, 2.2, x-half, hi, x+half, hi)
}

// drawPanel draws the lanes of what went wrong above, and the curves below.
func (c ttftChart) drawPanel(tile draw.Canvas, p ttftPanel, f ttftFrame) {
	laneHeight := 48 * f.scale
	lanes := c.lanes()
	top := laneHeight * vg.Length(len(lanes))
	if len(c.Panels) > 1 {
		top += 32 * f.scale
	}
	f.area = draw.Crop(tile, 0, 0, 34*f.scale, -top)
	f.area.Min.X += c.gutter(f)
	if len(c.Panels) > 1 {
		name := typeface{size: 22 * f.scale, bold: true}
		name.write(tile, ink, f.area.Min.X, tile.Max.Y-20*f.scale, atLeft, p.Label)
	}
	c.drawAxes(f)
	for i, s := range p.Series {
		f.drawWalls(s, f.aside(i, len(p.Series)))
	}
	for i, s := range p.Series {
		f.drawCurve(s, f.aside(i, len(p.Series)))
	}
	for i, s := range p.Series { // after all curves, which would cross them
		for _, pt := range s.Points {
			f.drawPoint(pt, f.x(pt.Ctx)+f.aside(i, len(p.Series)), lookOf(s.Stage))
		}
	}
	if c.empty() {
		mid := f.area.Center()
		box(f.area, white, mid.X-130*f.scale, mid.Y-18*f.scale, mid.X+130*f.scale, mid.Y+30*f.scale)
		f.face(24).write(f.area, grey, mid.X, mid.Y, atCenter, "no request was ok")
	}
	base := f.area.Max.Y
	for k := len(lanes) - 1; k >= 0; k-- {
		i := lanes[k]
		f.drawLane(p.Series[i], base, f.aside(i, len(p.Series)))
		base += laneHeight
	}
}

func (c ttftChart) empty() bool {
	for _, p := range c.Panels {
		for _, s := range p.Series {
			if len(s.Points) > 0 {
				return false
			}
		}
	}
	return true
}

// lanes are the stages of which a panel has something to say besides figures: the
// same in all panels, so that these share their y axis.
func (c ttftChart) lanes() []int {
	var out []int
	for i := range c.Panels[0].Series {
		for _, p := range c.Panels {
			if s := p.Series[i]; len(s.Marks)+len(s.NotRun) > 0 {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// gutter is the width of what stands left of the y axis.
func (c ttftChart) gutter(f ttftFrame) vg.Length {
	var w vg.Length
	for _, t := range logTicks(f.lo, f.hi, f.decade()) {
		w = max(w, f.face(21).width(t.label))
	}
	for _, i := range c.lanes() {
		w = max(w, f.face(19).width(c.Panels[0].Series[i].Stage))
	}
	return w + 14
}

func (c ttftChart) drawAxes(f ttftFrame) {
	a, face := f.area, f.face(21)
	for _, t := range logTicks(f.lo, f.hi, f.decade()) {
		y := f.y(t.at)
		if c.empty() {
			break // a scale of nothing
		}
		if t.label == "" {
			line(a, faint, 0.8, a.Min.X, y, a.Max.X, y)
			continue
		}
		line(a, light, 1.4, a.Min.X, y, a.Max.X, y)
		face.write(a, ink, a.Min.X-9, y-face.size*0.36, atRight, t.label)
	}
	var taken spans
	for _, ctx := range labelOrder(c.Contexts) {
		x, label := f.x(ctx), contextLabel(ctx)
		line(a, faint, 1, x, a.Min.Y, x, a.Max.Y)
		line(a, grey, 1.4, x, a.Min.Y, x, a.Min.Y-6)
		if w := face.width(label); taken.take(x-w/2, x+w/2) {
			face.write(a, ink, x, a.Min.Y-8-face.size, atCenter, label)
		}
	}
	line(a, grey, 1.4, a.Min.X, a.Min.Y, a.Max.X, a.Min.Y)
	line(a, grey, 1.4, a.Min.X, a.Min.Y, a.Min.X, a.Max.Y)
}

// drawCurve joins neighbouring cells that are VALID and had no failure between them:
// a line across a failed context would claim what was not measured.
func (f ttftFrame) drawCurve(s ttftSeries, aside vg.Length) {
	style := draw.LineStyle{Color: lookOf(s.Stage).color, Width: 3.5 * f.scale}
	have := map[int]ttftPoint{}
	for _, p := range s.Points {
		have[p.Ctx] = p
	}
	interrupted := map[int]bool{}
	for _, m := range s.Marks {
		interrupted[m.Ctx] = m.All
	}
	for _, ctx := range s.NotRun {
		interrupted[ctx] = true
	}
	var run []vg.Point
	for _, ctx := range f.contexts {
		p, ok := have[ctx]
		switch {
		case ok && p.Trusted:
			run = append(run, vg.Point{X: f.x(ctx) + aside, Y: f.y(p.Median)})
			continue
		case !ok && !interrupted[ctx]: // planned in another sweep or stage only
			continue
		}
		f.area.StrokeLines(style, run)
		run = nil
	}
	f.area.StrokeLines(style, run)
}

func (f ttftFrame) drawPoint(p ttftPoint, x vg.Length, l look) {
	r := 8.5 * f.scale
	lo, ok := p.Lo.Get()
	if hi, _ := p.Hi.Get(); ok {
		drawInterval(f.area, l, x, f.y(lo), f.y(hi), r)
	}
	marker(f.area, l, vg.Point{X: x, Y: f.y(p.Median)}, r, !p.Trusted)
	if len(p.Trials) < 2 {
		return
	}
	// The stage that is drawn with squares has its trials to the right, the other to
	// the left: on the line itself the marker would hide them.
	side := -2 * r
	if l.square {
		side = -side
	}
	for _, v := range p.Trials {
		dot(f.area, l.tint, vg.Point{X: x + side, Y: f.y(v)}, 3.4*f.scale, false)
	}
}
