package report

import "aibench/harness/record"

// WriteCharts is about to be written by the charts' author; replace this file.
func WriteCharts(*record.Dir, []Stage) error { return nil }
