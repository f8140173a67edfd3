package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
	"omega-export/schemas"
)

// answersArg is where raw answers come from.
type answersArg struct {
	From []string `arg:"" optional:"" placeholder:"FROM" help:"Where raw answers come from: outputs (their reponses; also gs://BUCKET/PREFIX), or NDJSON files of answers, also gzip or zstd. Default: the output out."`

	Raw rawFlags `embed:""`
}

// shownUnreadable is how many answers that are no documents are named.
const shownUnreadable = 5

// survey holds the answers against the schema files.
func (a answersArg) survey(ctx context.Context, std streams, set *schemas.Set) (*pipeline.Survey, error) {
	from := a.From
	if len(from) == 0 {
		from = []string{"out"}
	}
	open, err := a.Raw.opener()
	if err != nil {
		return nil, err
	}
	if a.Raw.Archive != "" {
		from = append(from[:len(from):len(from)], a.Raw.Archive)
	}
	survey := pipeline.NewSurvey(set)
	looked := &looking{survey: survey, std: std, open: open}
	for _, place := range from {
		if err := looked.at(ctx, place); err != nil {
			survey.Close()
			return nil, err
		}
	}
	if looked.unreadable > shownUnreadable {
		fmt.Fprintf(std.err, "and %d more answers that are no documents\n", looked.unreadable-shownUnreadable)
	}
	if looked.documents == 0 {
		survey.Close()
		return nil, fmt.Errorf("%w: no document of a demande in %v", errNoAnswers, from)
	}
	return survey, nil
}

// looking counts what was looked at.
type looking struct {
	survey                *pipeline.Survey
	std                   streams
	open                  func(sealed []byte) ([]byte, error) // nil: there is no identity
	documents, unreadable int64
}

func (l *looking) at(ctx context.Context, place string) error {
	if isBucket(place) {
		return l.output(ctx, place)
	}
	info, err := os.Stat(place)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswers, err)
	}
	if info.IsDir() {
		return l.output(ctx, place)
	}
	return l.file(ctx, place)
}

// look looks at one answer, and names it if it is no document.
func (l *looking) look(where string, at time.Time, body []byte) {
	err := l.survey.Look(at, body)
	if err == nil {
		l.documents++
		return
	}
	if l.unreadable++; l.unreadable <= shownUnreadable {
		fmt.Fprintf(l.std.err, "%s: left out: %v\n", where, err)
	}
}

// output looks at an output's archive. What is no document there is a reject, which is nothing new.
func (l *looking) output(ctx context.Context, place string) error {
	output, err := sink.Open(ctx, place)
	if err != nil {
		return err
	}
	answers := &pipeline.Answers{Output: output, Open: l.open}
	files, err := answers.Files(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		err := answers.ReadAnswers(ctx, file, func(batch *sink.AnswerBatch) error {
			defer batch.Release()
			for i := range batch.Answers {
				if answer := &batch.Answers[i]; answer.HTTPStatus == 200 && answer.Body != nil && l.survey.Look(answer.FetchedAt, answer.Body) == nil {
					l.documents++
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// file looks at an NDJSON file's lines.
func (l *looking) file(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswers, err)
	}
	defer file.Close()
	text, err := decompressed(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errNoAnswers, path, err)
	}
	defer text.Close()
	lines := bufio.NewReaderSize(text, 1<<20)
	for number := 1; ctx.Err() == nil; number++ {
		line, err := lines.ReadBytes('\n')
		if content := bytes.TrimSpace(line); len(content) > 0 {
			l.look(fmt.Sprintf("%s:%d", path, number), time.Time{}, content)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s:%d: %w", errNoAnswers, path, number, err)
		}
	}
	return ctx.Err()
}

// decompressed is a reader of what the file holds, by its first bytes.
func decompressed(from *bufio.Reader) (io.ReadCloser, error) {
	begin, err := from.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(begin, []byte{0x1F, 0x8B}):
		return gzip.NewReader(from)
	case bytes.HasPrefix(begin, []byte{0x28, 0xB5, 0x2F, 0xFD}):
		decoder, err := zstd.NewReader(from)
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	}
	return io.NopCloser(from), nil
}
