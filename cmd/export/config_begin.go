package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"omega-export/internal/privacy"
	"omega-export/internal/telemetry"
)

// privacy checks what becomes of personal values and of the raw answers, as a run does before its first call.
func (r *runChecking) privacy(run *runCmd) {
	_, err := run.Privacy.policy()
	switch {
	case errors.Is(err, privacy.ErrNoKey):
		r.about("personal-key-file", err.Error())
	case err != nil:
		r.refused("personal-key-file", err)
	}
	if _, err := run.Seal.sealer(); err != nil {
		r.refused("archive-recipient", err)
	}
	if err := run.Archive.check(run.Out); err != nil {
		r.refused("archive", err)
	}
}

// watchers checks where a run tells of itself. A folder that is not there is a warning: that of a service may be made when it starts.
func (r *runChecking) watchers(run *runCmd) {
	if path := run.Telemetry.MetricsFile; path != "" {
		_, err := telemetry.NewMetricsFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.warn(r.described("metrics-file", noFolder(path)))
		case err != nil:
			r.about("metrics-file", err.Error())
		}
	}
	if address := run.Telemetry.PingURL; address != "" {
		if _, err := telemetry.NewWatchdog(address, "", ""); err != nil {
			r.about("ping-url", err.Error())
		}
	}
	for _, place := range run.Reports.places() {
		if *place.path == "" {
			continue
		}
		if folder, err := os.Stat(filepath.Dir(*place.path)); err != nil || !folder.IsDir() {
			r.warn(r.described(strings.TrimPrefix(place.flag, "--"), noFolder(*place.path)))
		}
	}
}

func noFolder(path string) string {
	return fmt.Sprintf("%s: its folder %s is not there now, and run makes none", path, filepath.Dir(path))
}

// refused notes an error of run's own under the flag that it begins with, or else under name.
func (r *runChecking) refused(name string, err error) {
	text := err.Error()
	if flag, ok := strings.CutPrefix(text, "--"); ok {
		if end := strings.IndexAny(flag, ": "); end > 0 && r.flags[flag[:end]] != nil {
			name, text = flag[:end], strings.TrimLeft(flag[end:], ": ")
		}
	}
	r.about(name, text)
}
