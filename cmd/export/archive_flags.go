package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"omega-export/internal/pipeline"
	"omega-export/internal/privacy"
	"omega-export/internal/seal"
	"omega-export/internal/sink"
)

// archiveFlag says where the raw answers are, if not among the tables.
type archiveFlag struct {
	Archive string `placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"Where the raw answers are, an output of its own that few may read. Default: among the tables, in reponses and rejets."`
}

// open opens the archive beside the output at out; nil if there is none. It is made if it is not there and make is true.
func (f *archiveFlag) open(ctx context.Context, out string, create bool) (*sink.Output, error) {
	if f.Archive == "" {
		return nil, nil
	}
	if err := f.check(out); err != nil {
		return nil, err
	}
	if !create {
		if err := mustExist("--archive", f.Archive); err != nil {
			return nil, err
		}
	}
	return sink.Open(ctx, f.Archive)
}

// check refuses an archive that is no output of its own.
func (f *archiveFlag) check(out string) error {
	if f.Archive != "" && overlap(f.Archive, out) {
		return &configError{fmt.Errorf("--archive %s is --out %s, or one is in the other: the archive is an output of its own, where others may read than in the tables", f.Archive, out)}
	}
	return nil
}

// openForMode opens the archive of a run, refusing one that holds answers of the other mode.
func (f *archiveFlag) openForMode(ctx context.Context, out, mode string) (*sink.Output, error) {
	archive, err := f.open(ctx, out, true)
	if err != nil || archive == nil {
		return nil, err
	}
	there, err := archive.Mode(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: --archive %s: %w", errUnreadable, f.Archive, err)
	}
	if there != "" && there != mode {
		return nil, fmt.Errorf("%w: --archive %s holds answers of mode %q, this run is %q: use another --archive", sink.ErrMode, f.Archive, there, mode)
	}
	return archive, nil
}

// overlap says whether two places are one, or one is in the other.
func overlap(a, b string) bool {
	if isBucket(a) != isBucket(b) {
		return false
	}
	if isBucket(a) {
		a, b = strings.TrimRight(a, "/")+"/", strings.TrimRight(b, "/")+"/"
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	}
	if sameFolder(a, b) {
		return true
	}
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	if errA != nil || errB != nil {
		return false
	}
	return isWithin(a, b) || isWithin(b, a)
}

func isWithin(inner, outer string) bool {
	relative, err := filepath.Rel(outer, inner)
	return err == nil && filepath.IsLocal(relative)
}

// sealFlags say to whom the raw answers are encrypted.
type sealFlags struct {
	ArchiveRecipient      []string `placeholder:"age1…" help:"Encrypt the raw answers to this age public key, so that this host cannot read those of yesterday. May be repeated: each recipient can read them."`
	ArchiveRecipientsFile string   `placeholder:"FILE" help:"File with more of them, one a line."`
}

// sealer encrypts bodies to the recipients; nil if there are none.
func (f *sealFlags) sealer() (func([]byte) ([]byte, error), error) {
	recipients := f.ArchiveRecipient
	if f.ArchiveRecipientsFile != "" {
		text, err := os.ReadFile(f.ArchiveRecipientsFile)
		if err != nil {
			return nil, &configError{fmt.Errorf("--archive-recipients-file: %w", err)}
		}
		// An empty file must not switch the encryption off.
		of := seal.Recipients(string(text))
		if len(of) == 0 {
			return nil, &configError{fmt.Errorf("--archive-recipients-file %s: it names no recipient", f.ArchiveRecipientsFile)}
		}
		recipients = append(recipients[:len(recipients):len(recipients)], of...)
	}
	if len(recipients) == 0 {
		return nil, nil
	}
	sealer, err := seal.NewSealer(recipients)
	if err != nil {
		return nil, &configError{fmt.Errorf("--archive-recipient: %w", err)}
	}
	return sealer.Seal, nil
}

// identityFlag says who reads encrypted answers.
type identityFlag struct {
	IdentityFile string `placeholder:"FILE" help:"age identity with which encrypted raw answers are read, which only its owner may read."`
}

// opener decrypts bodies; nil if no identity is given.
func (f *identityFlag) opener() (func([]byte) ([]byte, error), error) {
	if f.IdentityFile == "" {
		return nil, nil
	}
	if err := onlyOwners(f.IdentityFile); err != nil {
		return nil, &configError{fmt.Errorf("--identity-file: %w", err)}
	}
	text, err := os.ReadFile(f.IdentityFile)
	if err != nil {
		return nil, &configError{fmt.Errorf("--identity-file: %w", err)}
	}
	opener, err := seal.NewOpener(text)
	if err != nil {
		return nil, &configError{fmt.Errorf("--identity-file %s: %w", f.IdentityFile, err)}
	}
	return opener.Open, nil
}

// rawFlags are where the raw answers are, and who reads them.
type rawFlags struct {
	archiveFlag  `embed:""`
	identityFlag `embed:""`
}

// answers are an output's raw answers.
func (f *rawFlags) answers(ctx context.Context, output *sink.Output, out string) (*pipeline.Answers, error) {
	open, err := f.opener()
	if err != nil {
		return nil, err
	}
	elsewhere, err := f.open(ctx, out, false)
	if err != nil {
		return nil, err
	}
	if elsewhere == nil {
		if err := keepsAnswers(ctx, output, out); err != nil {
			return nil, err
		}
	}
	return &pipeline.Answers{Output: output, Elsewhere: elsewhere, Open: open}, nil
}

// keepsAnswers refuses an output whose answers are elsewhere, for who was not told where.
func keepsAnswers(ctx context.Context, output *sink.Output, out string) error {
	lots, err := output.Lots(ctx)
	if err != nil {
		return err
	}
	// The newest lot that has documents tells. Its record is whole or not there, whereas after a kill the tables' pointers
	// may be half written.
	for _, lot := range slices.Backward(lots) {
		tables, err := output.TablesOf(ctx, lot)
		switch {
		case err != nil:
			return err
		case slices.Contains(tables, "reponses"):
			return nil
		case slices.ContainsFunc(tables, func(name string) bool { return strings.HasPrefix(name, "demande_") }):
			return &configError{fmt.Errorf("--out %s has tables and no raw answers, which an earlier run has put into an archive: name it with --archive", out)}
		}
	}
	return nil
}

// openArchive opens where a run keeps the raw answers.
func (c *runCmd) openArchive(ctx context.Context, log *slog.Logger, policy *privacy.Policy, seal func([]byte) ([]byte, error), tables *sink.Output) (pipeline.Archive, error) {
	output, err := c.Archive.openForMode(ctx, c.Out, c.mode())
	if err != nil {
		return pipeline.Archive{}, err
	}
	if output == nil {
		if err := keepsAnswers(ctx, tables, c.Out); err != nil {
			return pipeline.Archive{}, err
		}
	}
	if output == nil && seal == nil && !policy.KeepsAll() {
		log.Warn("the raw answers, with all personal values, stand beside the tables in reponses: --archive puts them elsewhere, --archive-recipient encrypts them")
	}
	return pipeline.Archive{Output: output, Seal: seal}, nil
}

// isSealed says whether an error is that an identity is missing, or is another's.
func isSealed(err error) bool {
	return errors.Is(err, pipeline.ErrSealed) || errors.Is(err, seal.ErrNoIdentity)
}
