package report

import (
	"fmt"
	"io"
	"strings"
)

// column is one column of the table of figures.
type column struct {
	head string
	cell func(r *Results, workload, subject string) string
}

// columns are those that every workload fills, as far as it measures them.
var columns = []column{
	value(CPU), spread(CPU),
	value(Rate), ratio(Rate),
	value(P50), value(P99), ratio(P99),
	value(Errors), value(Resident), value(BackendConns), value(TimeWait),
	{"also", also},
}

func value(f Figure) column {
	return column{f.String(), func(r *Results, workload, subject string) string {
		v, ok := r.Value(workload, subject, f)
		if !ok {
			return ""
		}
		return f.format(v)
	}}
}

// ratio is the figure divided by nginx's.
func ratio(f Figure) column {
	return column{"÷ " + Reference, func(r *Results, workload, subject string) string {
		median, _, _, ok := r.Ratio(workload, subject, f)
		if !ok || subject == Reference {
			return ""
		}
		return fmt.Sprintf("%.2f", median)
	}}
}

// spread is the ratio with the least and the greatest of the rounds.
func spread(f Figure) column {
	return column{"÷ " + Reference + " (min–max)", func(r *Results, workload, subject string) string {
		median, least, most, ok := r.Ratio(workload, subject, f)
		if !ok || subject == Reference {
			return ""
		}
		return fmt.Sprintf("**%.2f** (%.2f–%.2f)", median, least, most)
	}}
}

// also lists the figures that have no column, and the remarks.
func also(r *Results, workload, subject string) string {
	var list []string
	for f := TimeWait + 1; f < figures; f++ {
		v, ok := r.Value(workload, subject, f)
		if !ok {
			continue
		}
		item := f.String() + " " + f.format(v)
		if f == CPUPerGB && subject != Reference {
			if median, _, _, ok := r.Ratio(workload, subject, f); ok {
				item += fmt.Sprintf(" (÷ %s **%.2f**)", Reference, median)
			}
		}
		list = append(list, item)
	}
	if row := r.rows[rowKey{workload, subject}]; row != nil {
		list = append(list, row.notes...)
	}
	return escape(strings.Join(list, "; "))
}

// escape keeps text inside its cell.
func escape(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ").Replace(text)
}

// WriteTable writes the figures of all workloads as one Markdown table.
func (r *Results) WriteTable(w io.Writer) error {
	return r.write(w, r.workloads)
}

// WriteWorkload writes those of one workload.
func (r *Results) WriteWorkload(w io.Writer, workload string) error {
	return r.write(w, []string{workload})
}

func (r *Results) write(w io.Writer, workloads []string) error {
	heads := []string{"workload", "proxy"}
	for _, c := range columns {
		heads = append(heads, c.head)
	}
	lines := [][]string{heads, rule(len(heads))}
	for _, workload := range workloads {
		name := workload
		for _, subject := range r.subjects {
			if r.rows[rowKey{workload, subject}] == nil {
				continue
			}
			cells := []string{name, subject}
			for _, c := range columns {
				cells = append(cells, c.cell(r, workload, subject))
			}
			lines = append(lines, cells)
			name = "" // once per workload
		}
	}
	return writeLines(w, lines)
}

// rule is the line below a table's head: two columns of text, then figures, then text.
func rule(n int) []string {
	cells := make([]string, n)
	for i := range cells {
		cells[i] = "---:"
	}
	cells[0], cells[1], cells[n-1] = "---", "---", "---"
	return cells
}

func writeLines(w io.Writer, lines [][]string) error {
	for _, cells := range lines {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}
