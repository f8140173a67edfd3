package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
)

// watchFlag is --watch, or --watch=INTERVAL.
type watchFlag time.Duration

const watchByDefault = 5 * time.Second

// IsBool tells kong that the flag needs no value.
func (*watchFlag) IsBool() bool { return true }

// Decode takes the value, if there is one.
func (w *watchFlag) Decode(ctx *kong.DecodeContext) error {
	*w = watchFlag(watchByDefault)
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	switch text {
	case "true":
		return nil
	case "false":
		*w = 0
		return nil
	}
	every, err := time.ParseDuration(text)
	if err != nil || every < 100*time.Millisecond {
		return fmt.Errorf("%q is no duration of at least 100ms, such as 5s", text)
	}
	*w = watchFlag(every)
	return nil
}

// clearScreen puts the cursor at the top left of a terminal and clears what is below.
const clearScreen = "\x1b[H\x1b[2J"

// keepShowing shows every so often, until ctx ends, which is no error. Each time begins anew, so that a ledger that was
// replaced meanwhile is the one that is shown; while there is none, that is said. A terminal is redrawn, otherwise each
// showing follows the one before.
func keepShowing(ctx context.Context, std streams, every time.Duration, show func(ctx context.Context, to io.Writer) error) error {
	redraw := isTerminal(std.out)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for first := true; ; first = false {
		var text bytes.Buffer
		err := show(ctx, &text)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return err
		case err != nil:
			text.Reset()
			fmt.Fprintf(&text, "%s  not readable now: %s\n", time.Now().Format("15:04:05"), oneLine(err))
		}
		if redraw {
			_, err = io.WriteString(std.out, clearScreen+text.String())
		} else {
			_, err = std.out.Write(text.Bytes())
		}
		if err != nil {
			return errors.Join(errors.New("printing the status"), err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
