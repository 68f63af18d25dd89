package report

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours are opaque everywhere: faint ones are mixed with white beforehand.
var (
	white = color.RGBA{255, 255, 255, 255}
	ink   = color.RGBA{34, 34, 34, 255}
	grey  = color.RGBA{95, 95, 95, 255}
	light = color.RGBA{205, 205, 205, 255}
	faint = color.RGBA{228, 228, 228, 255}
	shade = color.RGBA{243, 243, 243, 255}
)

// look is how a stage appears in every chart. Besides the colour the shape tells the
// stages apart, for print in grey.
type look struct {
	color, tint color.RGBA
	square      bool
}

// lookOf has fixed looks for the two stages, from Okabe and Ito's colours, which the
// colour-blind can tell apart.
func lookOf(stage string) look {
	c, square := color.RGBA{0, 114, 178, 255}, true // blue
	switch stage {
	case "baseline":
		c, square = color.RGBA{213, 94, 0, 255}, false // vermilion
	case "aidaptiv":
	default:
		c = color.RGBA{0, 158, 115, 255} // bluish green
	}
	half := func(v uint8) uint8 { return uint8((int(v) + 255) / 2) }
	return look{color: c, tint: color.RGBA{half(c.R), half(c.G), half(c.B), 255}, square: square}
}

// typeface is a size in points, and a weight.
type typeface struct {
	size vg.Length
	bold bool
}

func (f typeface) style(c color.Color) text.Style {
	weight := xfont.WeightNormal
	if f.bold {
		weight = xfont.WeightBold
	}
	return text.Style{Color: c, Handler: plot.DefaultTextHandler,
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: f.size}}
}

// hasGlyph tells whether the charts' font has the letter.
func hasGlyph(r rune) bool {
	face := font.DefaultCache.Lookup(typeface{size: 12}.style(ink).Font, 12)
	i, err := face.Face.GlyphIndex(&sfnt.Buffer{}, r)
	return err == nil && i != 0
}

func (f typeface) width(s string) vg.Length { return f.style(ink).Width(s) }

// Where a text stands to its x.
const (
	atLeft   = 0.0
	atCenter = -0.5
	atRight  = -1.0
)

// write puts a line of text with its baseline on y.
func (f typeface) write(c draw.Canvas, clr color.Color, x, y vg.Length, align float64, s string) {
	sty := f.style(clr)
	sty.XAlign = text.XAlignment(align)
	// Handler.Draw puts the baseline ascent - size below the point.
	c.FillText(sty, vg.Point{X: x, Y: y + sty.FontExtents().Ascent - f.size}, s)
}

func line(c draw.Canvas, clr color.Color, width vg.Length, x0, y0, x1, y1 vg.Length, dashes ...vg.Length) {
	c.StrokeLine2(draw.LineStyle{Color: clr, Width: width, Dashes: dashes}, x0, y0, x1, y1)
}

func box(c draw.Canvas, clr color.Color, x0, y0, x1, y1 vg.Length) {
	c.SetColor(clr)
	c.Fill(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}.Path())
}

// dot fills a circle or square of radius r around a place.
func dot(c draw.Canvas, clr color.Color, at vg.Point, r vg.Length, square bool) {
	if square {
		r *= 0.89 // of equal area
		box(c, clr, at.X-r, at.Y-r, at.X+r, at.Y+r)
		return
	}
	c.SetColor(clr)
	var p vg.Path
	p.Move(vg.Point{X: at.X + r, Y: at.Y})
	p.Arc(at, r, 0, 6.283185307179586)
	p.Close()
	c.Fill(p)
}

// marker is a stage's sign; hollow where the figure is not to be believed.
func marker(c draw.Canvas, l look, at vg.Point, r vg.Length, hollow bool) {
	dot(c, white, at, r+1.5, l.square) // sets it off from lines that pass
	dot(c, l.color, at, r, l.square)
	if hollow {
		dot(c, white, at, r-2.6, l.square)
	}
}

func cross(c draw.Canvas, clr color.Color, at vg.Point, r vg.Length) {
	line(c, clr, 4, at.X-r, at.Y-r, at.X+r, at.Y+r)
	line(c, clr, 4, at.X-r, at.Y+r, at.X+r, at.Y-r)
}

// legendItem explains a sign.
type legendItem struct {
	text string
	sign func(c draw.Canvas, at vg.Point) // in the middle of legendSign points
}

const (
	pageMargin = vg.Length(40)
	legendSign = vg.Length(48)
)

// drawHead writes title, notes and legend, and returns the room that is left.
func drawHead(c draw.Canvas, h chartHead, legend []legendItem) draw.Canvas {
	x, y, room := c.Min.X+pageMargin, c.Max.Y-56, c.Max.X-c.Min.X-2*pageMargin
	for i := range h.titleLines() {
		face, title := fitTitle(h, i, room)
		face.write(c, ink, x, y, atLeft, title)
		y -= 37
	}
	noteFace := typeface{size: 21}
	for noteFace.size > 13 && noteFace.width(h.notes()) > room {
		noteFace.size--
	}
	noteFace.write(c, grey, x, y, atLeft, h.notes())
	y -= 38
	face := typeface{size: 21}
	left := x
	for _, item := range legend {
		w := legendSign + 8 + face.width(item.text)
		if left > x && left+w > x+room {
			left, y = x, y-30
		}
		item.sign(c, vg.Point{X: left + legendSign/2, Y: y + 7})
		face.write(c, ink, left+legendSign+8, y, atLeft, item.text)
		left += w + 28
	}
	return draw.Crop(c, pageMargin, -pageMargin, 0, -(c.Max.Y - y + 16))
}

// fitTitle makes the letters of a line of the title smaller first, and long names
// shorter then.
func fitTitle(h chartHead, i int, room vg.Length) (typeface, string) {
	const whole = 1 << 20
	f := typeface{size: 33, bold: true}
	if i > 0 {
		f.size = 25
	}
	for ; f.size > 24; f.size-- {
		if text := h.titleLine(i, whole); f.width(text) <= room {
			return f, text
		}
	}
	letters := 100
	for letters > 4 && f.width(h.titleLine(i, letters)) > room {
		letters--
	}
	return f, h.titleLine(i, letters)
}

// gridOf cuts the room into panels, in reading order.
func gridOf(c draw.Canvas, n int, gap vg.Length) []draw.Canvas {
	cols := min(n, 3)
	if n == 4 {
		cols = 2
	}
	rows := (n + cols - 1) / cols
	tiles := draw.Tiles{Cols: cols, Rows: rows, PadX: gap, PadY: gap}
	var out []draw.Canvas
	for i := range n {
		out = append(out, tiles.At(c, i%cols, i/cols))
	}
	return out
}

// span is a stretch of a line that is taken by a text.
type span struct{ from, to vg.Length }

// spans keeps texts of one line apart.
type spans []span

// take takes the stretch if it is free, with a gap around it.
func (s *spans) take(from, to vg.Length) bool {
	const gap = 8
	for _, t := range *s {
		if from < t.to+gap && t.from < to+gap {
			return false
		}
	}
	*s = append(*s, span{from, to})
	return true
}

// clampText moves the middle of a text so that it stays between two borders.
func clampText(mid, width, from, to vg.Length) vg.Length {
	return max(from+width/2, min(to-width/2, mid))
}
