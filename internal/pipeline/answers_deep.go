package pipeline

import (
	"context"
	"errors"
	"slices"

	"omega-export/internal/sink"
)

// contentTries is how often an output's content is read if lots are published meanwhile.
const contentTries = 5

// answersRoom is a DeepRoom of an output and its raw answers.
type answersRoom struct {
	*sink.Output
	answers *Answers
}

// NewDeepRoom is where VerifyDeep finds the rows of answers.Output and their answers.
func NewDeepRoom(answers *Answers) DeepRoom { return answersRoom{answers.Output, answers} }

// Content is that of the output, with the files of its lots' answers elsewhere.
func (r answersRoom) Content(ctx context.Context) (*sink.Content, error) {
	if r.answers.Elsewhere == nil {
		return r.Output.Content(ctx)
	}
	for range contentTries {
		before, err := r.Lots(ctx)
		if err != nil {
			return nil, err
		}
		content, err := r.Output.Content(ctx)
		if err != nil {
			return nil, err
		}
		theirs, err := r.answers.Elsewhere.Content(ctx)
		if err != nil {
			return nil, err
		}
		after, err := r.Lots(ctx)
		if err != nil {
			return nil, err
		}
		if slices.Equal(before, after) {
			content.Archive = r.answers.joined(content.Archive, theirs.Archive, after)
			return content, nil
		}
	}
	return nil, errors.New("lots are published again and again meanwhile: try it when no run goes on")
}

// ReadAnswers is Answers.ReadAnswers.
func (r answersRoom) ReadAnswers(ctx context.Context, file sink.ArchiveFile, visit func(*sink.AnswerBatch) error) error {
	return r.answers.ReadAnswers(ctx, file, visit)
}
