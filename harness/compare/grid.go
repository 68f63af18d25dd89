package compare

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// grid is a table with two lines of heads: over spans the columns to its right
// that have none of their own. text/tabwriter can't span, nor align each column in
// its own way.
type grid struct {
	over, head []string
	left       []bool // which columns are aligned to the left
	rows       [][]string
}

const columnGap = "  "

func (g grid) write(w io.Writer) {
	widths := g.widths()
	g.writeOver(w, widths)
	g.writeRow(w, widths, g.head)
	for _, r := range g.rows {
		g.writeRow(w, widths, r)
	}
}

// widths are those of the columns.
func (g grid) widths() []int {
	widths := make([]int, len(g.head))
	for i, h := range g.head {
		widths[i] = utf8.RuneCountInString(h)
		for _, r := range g.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i]))
		}
	}
	return widths
}

// width is that of the whole table.
func (g grid) width() int {
	sum := len(columnGap) * (len(g.head) - 1)
	for _, w := range g.widths() {
		sum += w
	}
	return sum
}

// writeOver puts each upper head where its first column starts.
func (g grid) writeOver(w io.Writer, widths []int) {
	var b strings.Builder
	at := 0
	for i, h := range g.over {
		if h != "" {
			b.WriteString(strings.Repeat(" ", max(0, at-utf8.RuneCountInString(b.String()))))
			b.WriteString(h)
		}
		at += widths[i] + len(columnGap)
	}
	fmt.Fprintln(w, b.String())
}

func (g grid) writeRow(w io.Writer, widths []int, cells []string) {
	var b strings.Builder
	for i, c := range cells {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		if i > 0 {
			b.WriteString(columnGap)
		}
		if g.left[i] {
			b.WriteString(c + pad)
		} else {
			b.WriteString(pad + c)
		}
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// wrap breaks text between words into lines of at most width columns, indented
// from the second on. A percent sign stays with its number.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range words(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n  ")
			column = 2
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

func words(text string) []string {
	var out []string
	for _, f := range strings.Fields(text) {
		if strings.HasPrefix(f, "%") && len(out) > 0 {
			out[len(out)-1] += " " + f
			continue
		}
		out = append(out, f)
	}
	return out
}
