package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// thin is the space between groups of three digits; a line is not broken at it.
const thin = "\u202f"

// whole writes a number with its thousands apart.
func whole(number int64) string {
	digits := strconv.FormatInt(number, 10)
	sign := ""
	if number < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), thin)
}

// counted is a number with its word.
func counted(number int64, one, many string) string {
	if number == 1 {
		return "1 " + one
	}
	return whole(number) + " " + many
}

// lasting writes a duration to two units at most.
func lasting(duration time.Duration) string {
	seconds := duration.Seconds()
	switch {
	case seconds < 0.0095:
		return fmt.Sprintf("%.2g ms", 1000*max(seconds, 0))
	case seconds < 0.9995:
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	case seconds < 9.95:
		return fmt.Sprintf("%.2g s", seconds)
	case seconds < 60:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 3600:
		return twoUnits(duration.Round(time.Second), time.Minute, "min", time.Second, "s")
	case seconds < 48*3600:
		return twoUnits(duration.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
	return twoUnits(duration.Round(time.Hour), 24*time.Hour, "days", time.Hour, "h")
}

func twoUnits(duration, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d %s", duration/large, largeName)
	if rest := duration % large / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return text
}

// seconds is a number of seconds of the report as a duration; one that no duration can hold is the longest or none.
func seconds(value float64) time.Duration {
	if !(value > 0) {
		return 0
	}
	return time.Duration(min(value, math.MaxInt64/2/float64(time.Second)) * float64(time.Second))
}

// percent writes a share; what is not quite all is never rounded up to all.
func percent(share float64) string {
	tenths := math.Round(1000 * share)
	if share < 1 {
		tenths = min(tenths, 999)
	}
	return strconv.FormatFloat(tenths/10, 'f', -1, 64) + thin + "%"
}

// size writes a number of bytes.
func size(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return counted(bytes, "byte", "bytes")
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	case bytes < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
