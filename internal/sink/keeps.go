package sink

import (
	"context"
	"time"
)

// Keeps is what a bucket keeps of objects that are removed, by its own settings. The zero value: nothing, as a folder.
type Keeps struct {
	Bucket     string        // its name; "": the output is a folder
	Unknown    string        // why the settings could not be read; "": they could
	SoftDelete time.Duration // how long a removed object can be restored; 0: not
	Versioning bool          // a removed or replaced object stays as a version, until a lifecycle rule or somebody removes it
	Retention  time.Duration // how long no object may be removed at all; 0: no such policy
	Held       bool          // objects are put on hold when they are made
}

// Keeps reads what the output's bucket keeps. That it may not is no error: the right to read a bucket's settings is
// another than the one to write objects.
func (o *Output) Keeps(ctx context.Context) Keeps {
	b, ok := o.storage.(*bucket)
	if !ok {
		return Keeps{}
	}
	keeps := Keeps{Bucket: b.name}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	attrs, err := b.handle.Attrs(ctx)
	if err != nil {
		keeps.Unknown = err.Error()
		return keeps
	}
	if attrs.SoftDeletePolicy != nil {
		keeps.SoftDelete = attrs.SoftDeletePolicy.RetentionDuration
	}
	if attrs.RetentionPolicy != nil {
		keeps.Retention = attrs.RetentionPolicy.RetentionPeriod
	}
	keeps.Versioning, keeps.Held = attrs.VersioningEnabled, attrs.DefaultEventBasedHold
	return keeps
}
