package report

import (
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	ramFont   = typefaceSize(20)
	ramLabel  = vg.Length(30) // height of the line of band labels
	ramEvents = vg.Length(28) // height of the line of events
)

// typefaceSize keeps the sizes of this chart in one place.
type typefaceSize vg.Length

func (s typefaceSize) face() typeface { return typeface{size: vg.Length(s)} }

func (c ramChart) draw(page draw.Canvas) {
	room := drawHead(page, c.Head, c.legend())
	top, unit, name := c.top()
	face := ramFont.face()
	face.write(room, grey, room.Min.X, room.Max.Y-20, atLeft, "memory, "+name)
	face.write(room, grey, (room.Min.X+room.Max.X)/2, room.Min.Y+22, atCenter, "seconds since the stage began")
	body := draw.Crop(room, 0, 0, 52, -30)
	tiles := draw.Tiles{Cols: 1, Rows: len(c.Panels), PadY: 22}
	for i, p := range c.Panels {
		drawRAMPanel(tiles.At(body, 0, i), p, top, unit)
	}
}

// top is the end of the y axis, the same in all panels, with its unit in bytes.
func (c ramChart) top() (top, unit float64, name string) {
	for _, p := range c.Panels {
		for _, l := range append(append([][]ramPoint{}, p.Used...), p.Server...) {
			for _, pt := range l {
				top = max(top, pt.Bytes)
			}
		}
	}
	// The machine's memory is worth its place on the axis where it comes into reach.
	for _, p := range c.Panels {
		if total := float64(p.Total.Or(0)); total <= 2*top {
			top = max(top, total)
		}
	}
	unit, name = 1<<20, "MiB"
	if top >= 1<<30 {
		unit, name = 1<<30, "GiB"
	}
	return max(top*1.06, unit), unit, name
}

func (c ramChart) legend() []legendItem {
	sign := func(clr color.Color, width vg.Length, dashes ...vg.Length) func(draw.Canvas, vg.Point) {
		return func(c draw.Canvas, at vg.Point) {
			line(c, clr, width, at.X-legendSign/2, at.Y, at.X+legendSign/2, at.Y, dashes...)
		}
	}
	var server, event, seam, all bool
	top, _, _ := c.top()
	for _, p := range c.Panels {
		total, ok := p.Total.Get()
		all = all || (ok && float64(total) <= top)
		server = server || len(p.Server) > 0
		event = event || len(p.Events) > 0
		seam = seam || len(p.Seams) > 0
	}
	items := []legendItem{{"RAM used on the machine", sign(ink, 3.5)}}
	add := func(there bool, text string, s func(draw.Canvas, vg.Point)) {
		if there {
			items = append(items, legendItem{text, s})
		}
	}
	add(server, "server's processes (RSS)", sign(ink, 3.5, 9, 6))
	add(all, "all of its RAM", sign(ink, 2, 2, 5))
	add(event, "out of memory, or server died", func(c draw.Canvas, at vg.Point) { cross(c, ink, at, 8) })
	add(seam, "resumed", func(c draw.Canvas, at vg.Point) { line(c, grey, 2, at.X, at.Y-13, at.X, at.Y+13, 3, 4) })
	return items
}

func drawRAMPanel(tile draw.Canvas, p ramPanel, top, unit float64) {
	face := ramFont.face()
	l := lookOf(p.Stage)
	ticks := linearTicks(top/unit, 5)
	gutter := vg.Length(0)
	for _, t := range ticks {
		gutter = max(gutter, face.width(t.label))
	}
	title := typeface{size: 22, bold: true}
	side := title.width(p.Stage) + 18 // the stage's name stands right of its panel
	head := ramLabel
	if len(p.Events) > 0 {
		head += ramEvents
	}
	a := draw.Crop(tile, gutter+12, -side, 30, -head)
	title.write(tile, l.color, a.Max.X+14, a.Center().Y-8, atLeft, p.Stage)
	end := max(p.End, 1e-3)
	x := func(s float64) vg.Length { return a.X(s / end) }
	y := func(b float64) vg.Length { return a.Y(b / top) }
	drawBands(a, p.Bands, a.Max.Y+head-ramLabel, x)
	for _, t := range ticks {
		at := y(t.at * unit)
		line(a, light, 1, a.Min.X, at, a.Max.X, at)
		face.write(a, ink, a.Min.X-8, at-7, atRight, t.label)
	}
	for _, t := range linearTicks(end, 10) {
		line(a, grey, 1.4, x(t.at), a.Min.Y, x(t.at), a.Min.Y-5)
		face.write(a, ink, x(t.at), a.Min.Y-26, atCenter, t.label)
	}
	for _, s := range p.Seams {
		line(a, grey, 2, x(s), a.Min.Y, x(s), a.Max.Y, 3, 4)
	}
	if total := float64(p.Total.Or(0)); total > 0 && total <= top {
		line(a, ink, 2, a.Min.X, y(total), a.Max.X, y(total), 2, 5)
	}
	drawRAMLines(a, p.Server, draw.LineStyle{Color: l.color, Width: 3, Dashes: []vg.Length{9, 6}}, x, y)
	drawRAMLines(a, p.Used, draw.LineStyle{Color: l.color, Width: 3}, x, y)
	line(a, grey, 1.4, a.Min.X, a.Min.Y, a.Max.X, a.Min.Y)
	line(a, grey, 1.4, a.Min.X, a.Min.Y, a.Min.X, a.Max.Y)
	drawEvents(a, p.Events, l, x)
}

// drawBands shades every other cell. A label that is wider than its band is left out:
// the short contexts take no time to speak of.
func drawBands(a draw.Canvas, bands []ramBand, base vg.Length, x func(float64) vg.Length) {
	face := ramFont.face()
	for i, b := range bands {
		from, to := x(b.From), x(b.To)
		if i%2 == 0 {
			box(a, shade, from, a.Min.Y, to, base+ramLabel)
		}
		if w := face.width(b.Label); w+6 <= to-from {
			face.write(a, grey, (from+to)/2, base+8, atCenter, b.Label)
		}
	}
}

func drawRAMLines(a draw.Canvas, lines [][]ramPoint, sty draw.LineStyle, x, y func(float64) vg.Length) {
	for _, l := range lines {
		pts := make([]vg.Point, len(l))
		for i, p := range l {
			pts[i] = vg.Point{X: x(p.At), Y: y(math.Max(p.Bytes, 0))}
		}
		if len(pts) == 1 {
			dot(a, sty.Color, pts[0], sty.Width, false)
			continue
		}
		a.StrokeLines(sty, pts)
	}
}

// drawEvents marks the events. Those that stand too near each other for a text between
// them share one.
func drawEvents(a draw.Canvas, events []ramEvent, l look, x func(float64) vg.Length) {
	const arm = vg.Length(8) // half a cross
	face := typeface{size: 20, bold: true}
	var taken spans
	for _, c := range eventClusters(events, x, func(text string) vg.Length { return face.width(text) + 4*arm + 16 }) {
		last := vg.Length(math.Inf(-1))
		for _, at := range c.at {
			if at-last < 2.3*arm { // the same moment, for the eye
				continue
			}
			last = at
			line(a, l.tint, 1.8, at, a.Min.Y, at, a.Max.Y, 7, 6)
			cross(a, l.color, vg.Point{X: at, Y: a.Max.Y + 12}, arm)
		}
		first, w := c.at[0], face.width(c.text)
		switch {
		case last+arm+6+w <= a.Max.X && taken.take(first-arm, last+arm+6+w):
			face.write(a, l.color, last+arm+6, a.Max.Y+5, atLeft, c.text)
		case taken.take(first-arm-6-w, last+arm):
			face.write(a, l.color, first-arm-6, a.Max.Y+5, atRight, c.text)
		}
	}
}

// eventCluster is events with one text.
type eventCluster struct {
	at   []vg.Length
	text string
}

// eventClusters joins events that are nearer than room, which is what a text takes
// with its signs.
func eventClusters(events []ramEvent, x func(float64) vg.Length, room func(string) vg.Length) []eventCluster {
	var out []eventCluster
	for _, e := range events {
		at := x(e.At)
		if n := len(out) - 1; n >= 0 && at-out[n].at[len(out[n].at)-1] < room(out[n].text) {
			out[n].at = append(out[n].at, at)
			if !strings.Contains(out[n].text, e.Text) {
				out[n].text += ", " + e.Text
			}
			continue
		}
		out = append(out, eventCluster{[]vg.Length{at}, e.Text})
	}
	return out
}
