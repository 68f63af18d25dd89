package report

import (
	"bytes"
	"errors"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"aibench/harness/record"
)

// A page is a slide: 16:9, and 1920 x 1080 pixels as PNG. Lengths are in points.
const (
	pageWidth  = vg.Length(1440)
	pageHeight = vg.Length(810)
	pageDPI    = 96
)

// WriteCharts draws the run's charts, each as PNG and SVG:
//
//   - ttft_comparison: time to first token against context length, where the run has
//     cells with a context length;
//   - ram_timeline: memory over time, where a stage has telemetry of memory.
//
// What a chart shows is gathered first (charts_ttft.go, charts_ram.go) and drawn then
// (charts_*_draw.go), so that the facts can be tested without looking at pixels. The
// same data give the same bytes.
func WriteCharts(dir *record.Dir, stages []Stage) error {
	var errs []error
	if c, ok := newTTFTChart(dir.Run(), stages); ok {
		errs = append(errs, writeChart(dir, "ttft_comparison", c.draw))
	}
	ticks, err := readTicks(dir, stages)
	errs = append(errs, err)
	if c, ok := newRAMChart(dir.Run(), stages, ticks); ok && err == nil {
		errs = append(errs, writeChart(dir, "ram_timeline", c.draw))
	}
	return errors.Join(errs...)
}

// writeChart draws a page twice: the pixels and the curves have no common source.
func writeChart(dir *record.Dir, name string, paint func(draw.Canvas)) error {
	return errors.Join(
		record.WriteFile(dir.Charts(name+".png"), func(w io.Writer) error {
			img := vgimg.NewWith(vgimg.UseWH(pageWidth, pageHeight), vgimg.UseDPI(pageDPI))
			paint(draw.New(img))
			_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
			return err
		}),
		record.WriteFile(dir.Charts(name+".svg"), func(w io.Writer) error {
			svg := vgsvg.New(pageWidth, pageHeight)
			page := draw.New(svg)
			page.SetColor(white)
			page.Fill(page.Rectangle.Path()) // an SVG has no ground of its own
			paint(page)
			var buf bytes.Buffer
			if _, err := svg.WriteTo(&buf); err != nil {
				return err
			}
			_, err := w.Write(withFallbackFonts(buf.Bytes()))
			return err
		}),
	)
}

// withFallbackFonts names fonts of the same widths for machines without Liberation:
// a viewer would choose one of other widths, and texts would run into each other.
func withFallbackFonts(svg []byte) []byte {
	return bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
}
