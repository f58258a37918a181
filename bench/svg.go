package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// The plot's size, in its own units.
const (
	plotLeft, plotTop     = 44, 14
	plotWidth, plotHeight = 420, 180
)

var colours = []string{"#2563eb", "#d97706", "#059669"}

// draw writes the curves as an SVG beside the README, logarithmic across.
func (b *bench) draw(file string, curves []curve) error {
	if b.readme == "" {
		return nil
	}
	decades, top := 1, 1.0
	for _, c := range curves {
		for _, p := range c.points {
			decades = max(decades, int(math.Ceil(math.Log10(float64(p.x)))))
			top = max(top, p.cpu*1.15)
		}
	}
	s := &sheet{decades: decades, top: math.Ceil(top)}
	s.axes()
	for i, c := range curves {
		s.line(c, colours[i%len(colours)], i)
	}
	return os.WriteFile(filepath.Join(filepath.Dir(b.readme), file), []byte(s.String()), 0o600)
}

// sheet is a plot on which curves are drawn.
type sheet struct {
	strings.Builder
	decades int
	top     float64
}

func (s *sheet) x(v int) float64 {
	return plotLeft + plotWidth*math.Log10(float64(v))/float64(s.decades)
}

func (s *sheet) y(v float64) float64 { return plotTop + plotHeight*(1-v/s.top) }

func (s *sheet) axes() {
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="10" fill="#777">`+"\n",
		plotLeft+plotWidth+90, plotTop+plotHeight+36)
	for d, x := 0, 1; d <= s.decades; d, x = d+1, x*10 {
		fmt.Fprintf(s, `<path d="M%.0f %dv%d" stroke="#ccc" stroke-width=".5"/><text x="%.0f" y="%d" text-anchor="middle">%s</text>`+"\n",
			s.x(x), plotTop, plotHeight, s.x(x), plotTop+plotHeight+14, comma(x))
	}
	step := math.Max(1, math.Ceil(s.top/6))
	for v := 0.0; v <= s.top; v += step {
		fmt.Fprintf(s, `<path d="M%d %.1fh%d" stroke="#ccc" stroke-width=".5"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			plotLeft, s.y(v), plotWidth, plotLeft-6, s.y(v)+3, v)
	}
	fmt.Fprintf(s, `<text x="%d" y="%d" text-anchor="middle">so many workers, keys or partitions</text>`+"\n", plotLeft+plotWidth/2, plotTop+plotHeight+30)
	fmt.Fprintf(s, `<text transform="translate(12 %d) rotate(-90)" text-anchor="middle">CPU us a message</text>`+"\n", plotTop+plotHeight/2)
}

func (s *sheet) line(c curve, colour string, row int) {
	var at []string
	for _, p := range c.points {
		at = append(at, fmt.Sprintf("%.1f,%.1f", s.x(p.x), s.y(p.cpu)))
		fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`+"\n", s.x(p.x), s.y(p.cpu), colour)
	}
	fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(at, " "), colour)
	fmt.Fprintf(s, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotLeft+plotWidth+14, plotTop+20+16*row, colour, c.name)
}

// String ends the plot.
func (s *sheet) String() string { return s.Builder.String() + "</svg>\n" }
