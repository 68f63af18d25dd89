package record

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// NewID names a run by its time: 20261121T093000Z.
func NewID(now time.Time) string { return now.UTC().Format("20060102T150405Z") }

var (
	idShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	// Windows gives these names to devices in every folder, with any extension.
	deviceName = regexp.MustCompile(`^(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// ValidID says what is wrong with a run's id. An id is a name and never a path: it
// comes from command lines and web requests and is joined to the results folder, from
// which no valid id leads out on any system.
func ValidID(id string) error {
	why := ""
	switch {
	case id == "":
		return errors.New("run id is empty")
	case !idShape.MatchString(id):
		why = "expected a letter or digit, then at most 63 letters, digits, dots, dashes and underscores"
	case strings.Contains(id, ".."):
		why = "two dots in a row are not allowed"
	case strings.HasSuffix(id, "."):
		why = "a dot at the end is not allowed" // Windows drops it: two ids, one folder
	case deviceName.MatchString(id):
		why = "the name of a device on Windows"
	default:
		return nil
	}
	const shown = 80 // an id from the network may be of any length
	if len(id) > shown {
		id = id[:shown] + "..."
	}
	return fmt.Errorf("run id %q: %s", id, why)
}
