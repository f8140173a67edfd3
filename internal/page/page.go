package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"omega-export/internal/pipeline"
)

//go:embed page.html
var source string

// Options are what the report does not say.
type Options struct {
	// Zone is the time zone of the page's times; the page names it.
	Zone *time.Location
	// Meaning says what the run's exit code means, and Advice what to do about it, each in a sentence.
	Meaning, Advice string
}

// Write writes the report's page. The error is the writer's, or why a chart could not be drawn.
func Write(to io.Writer, run pipeline.Report, options Options) error {
	shown, err := newView(run, options)
	if err != nil {
		return err
	}
	parsed, err := template.New("page").Parse(source)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	if err := parsed.Execute(to, shown); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
