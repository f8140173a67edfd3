package sink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Durable writing, all of it: a temporary file in the same folder, write, fsync, close, rename, fsync of the folder.
// Nothing else in the package creates, renames or removes.
//
// An fsync of the file alone does not keep its name, hence that of the folder; and a folder's own name is kept by its
// parent, hence the chain up to the root, also for folders that exist: the run that made them may have been killed
// before it could sync them.

// disk is the few operations by which durable changes the file system, so that tests can make each of them fail.
type disk interface {
	Mkdir(path string) error
	CreateTemp(folder, pattern string) (diskFile, error)
	Rename(from, to string) error
	SyncFolder(path string) error
	Remove(path string) error
}

type diskFile interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

// durable writes below one root.
type durable struct {
	disk disk
	root string

	mutex   sync.Mutex
	broken  error           // the failed fsync after which nothing more is written
	settled map[string]bool // folders known to be on disk
}

func newDurable(d disk, root string) *durable {
	return &durable{disk: d, root: root, settled: map[string]bool{}}
}

// usable is the error of an earlier fsync, if one failed.
func (d *durable) usable() error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.broken != nil {
		return fmt.Errorf("nothing more is written after a failed fsync: %w", d.broken)
	}
	return nil
}

// unsynced keeps a failed fsync: the kernel may have dropped the pages and would call the next fsync a success.
func (d *durable) unsynced(doing, path string, err error) error {
	failure := outputError(doing, path, err)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.broken == nil {
		d.broken = failure
	}
	return failure
}

// folder makes a folder, with those above it that are missing, and sees that their names are on disk.
func (d *durable) folder(path string) error {
	if d.isSettled(path) {
		return nil
	}
	ours := path == d.root
	if inside(d.root, path) {
		ours = true
		if err := d.folder(filepath.Dir(path)); err != nil {
			return err
		}
	}
	made, err := d.mkdir(path)
	if err != nil {
		return err
	}
	if made || ours {
		if err := d.syncName(path, made); err != nil {
			return err
		}
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.settled[path] = true
	return nil
}

func (d *durable) isSettled(path string) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.settled[path]
}

// mkdir says whether the folder was not there yet.
func (d *durable) mkdir(path string) (made bool, err error) {
	err = d.disk.Mkdir(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.folder(filepath.Dir(path)); err != nil {
			return false, err
		}
		err = d.disk.Mkdir(path)
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, outputError("creating the folder", path, err)
	}
	return true, nil
}

// syncName sees that a folder's own name is on disk.
func (d *durable) syncName(path string, made bool) error {
	parent := filepath.Dir(path)
	err := d.disk.SyncFolder(parent)
	if path == d.root && !made && errors.Is(err, fs.ErrPermission) {
		return nil // the root was prepared by someone else, in a folder that we may not read
	}
	if err != nil {
		return d.unsynced("syncing the folder", parent, err)
	}
	return nil
}

// inside says whether path is strictly below root.
func inside(root, path string) bool {
	relative, err := filepath.Rel(root, path)
	return err == nil && relative != "." && filepath.IsLocal(relative)
}

// create begins a file at path.
func (d *durable) create(path, lot string) (*durableFile, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	folder := filepath.Dir(path)
	if err := d.folder(folder); err != nil {
		return nil, err
	}
	file, err := d.disk.CreateTemp(folder, temporaryPrefix+lot+"-*")
	if err != nil {
		return nil, outputError("creating a file in", folder, err)
	}
	return &durableFile{durable: d, file: file, path: path}, nil
}

// remove removes a file, if it is there. That it is gone is not synced.
func (d *durable) remove(path string) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return outputError("removing", path, err)
	}
	return nil
}

// erase removes files, those that are there, and sees that they are gone on disk too.
func (d *durable) erase(paths []string) error {
	var folders []string
	for _, path := range paths {
		if err := d.remove(path); err != nil {
			return err
		}
		if folder := filepath.Dir(path); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	for _, folder := range folders {
		err := d.disk.SyncFolder(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d.unsynced("syncing the folder", folder, err)
		}
	}
	return nil
}

// durableFile is a file being written aside.
type durableFile struct {
	durable *durable
	file    diskFile
	path    string
	closed  bool
	ended   bool
}

func (f *durableFile) Write(b []byte) (int, error) {
	written, err := f.file.Write(b)
	if err != nil {
		return written, outputError("writing", f.path, err)
	}
	return written, nil
}

// Land is staged.Land.
func (f *durableFile) Land(sum digest) error {
	defer f.Discard()
	if err := f.durable.usable(); err != nil {
		return err
	}
	if err := f.file.Sync(); err != nil {
		return f.durable.unsynced("syncing", f.path, err)
	}
	f.closed = true
	if err := f.file.Close(); err != nil {
		return outputError("closing", f.path, err)
	}
	same, err := hasDigest(f.path, sum)
	if err != nil {
		return err
	}
	if !same {
		if err := f.durable.disk.Rename(f.file.Name(), f.path); err != nil {
			return outputError("giving its name to", f.path, err)
		}
		f.ended = true
	}
	// Also for a file that was there: the run that renamed it may have been killed before this.
	if err := f.durable.disk.SyncFolder(filepath.Dir(f.path)); err != nil {
		return f.durable.unsynced("syncing the folder of", f.path, err)
	}
	return nil
}

// Discard is staged.Discard.
func (f *durableFile) Discard() {
	if !f.closed {
		f.closed = true
		_ = f.file.Close()
	}
	if !f.ended {
		f.ended = true
		_ = f.durable.disk.Remove(f.file.Name()) // what stays is swept by the next run
	}
}

// hasDigest says whether a file with these bytes stands at path.
func hasDigest(path string, sum digest) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, outputError("reading", path, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() != sum.Bytes {
		return false, nil
	}
	there, err := digestFrom(file)
	if err != nil {
		return false, outputError("reading", path, err)
	}
	return there == sum, nil
}

// osDisk is the real disk. Files are made 0600 and folders 0700: answers hold personal data.
type osDisk struct{}

func (osDisk) Mkdir(path string) error { return os.Mkdir(path, 0o700) }

func (osDisk) CreateTemp(folder, pattern string) (diskFile, error) {
	return os.CreateTemp(folder, pattern)
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(path string) error { return os.Remove(path) }

func (osDisk) SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	// Some file systems have nothing to sync for a folder and say so.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
