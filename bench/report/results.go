package report

import "slices"

// Reference is the subject to which the ratios are taken.
const Reference = "nginx"

// Results holds the samples of a run, by workload, subject and round.
type Results struct {
	workloads []string // in the order of the run
	subjects  []string
	rows      map[rowKey]*row
}

type rowKey struct{ workload, subject string }

// row is one line of the table: a subject under a workload.
type row struct {
	samples map[int]Sample // by round; a trial that failed has none
	notes   []string       // what happened, each text once
}

// NewResults holds results of the named subjects, listed in that order.
func NewResults(subjects []string) *Results {
	return &Results{subjects: subjects, rows: map[rowKey]*row{}}
}

func (r *Results) at(workload, subject string) *row {
	key := rowKey{workload, subject}
	if r.rows[key] == nil {
		r.rows[key] = &row{samples: map[int]Sample{}}
		if !slices.Contains(r.workloads, workload) {
			r.workloads = append(r.workloads, workload)
		}
	}
	return r.rows[key]
}

// Add stores what a trial measured.
func (r *Results) Add(workload, subject string, round int, s Sample) {
	r.at(workload, subject).samples[round] = s
}

// Note stores a remark on a subject under a workload, for instance why a trial failed.
func (r *Results) Note(workload, subject, text string) {
	row := r.at(workload, subject)
	if text != "" && !slices.Contains(row.notes, text) {
		row.notes = append(row.notes, text)
	}
}

// Value is a figure over all rounds; ok is false where it was not measured.
func (r *Results) Value(workload, subject string, f Figure) (v float64, ok bool) {
	row := r.rows[rowKey{workload, subject}]
	if row == nil {
		return 0, false
	}
	var values []float64
	for _, s := range row.samples {
		if v, ok := s[f]; ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	return descriptions[f].fold(values), true
}

// Ratio compares a subject with the reference: the median, the least and the greatest of the ratios
// taken round by round, so that what slowed the machine down for a while slowed both.
func (r *Results) Ratio(workload, subject string, f Figure) (median, least, most float64, ok bool) {
	mine, reference := r.rows[rowKey{workload, subject}], r.rows[rowKey{workload, Reference}]
	if mine == nil || reference == nil {
		return 0, 0, 0, false
	}
	var ratios []float64
	for round, s := range mine.samples {
		v, ok := s[f]
		base := reference.samples[round][f]
		if ok && base > 0 {
			ratios = append(ratios, v/base)
		}
	}
	if len(ratios) == 0 {
		return 0, 0, 0, false
	}
	return Median(ratios), slices.Min(ratios), slices.Max(ratios), true
}
